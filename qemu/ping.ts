/**
 * Asks a guest over the wires to its network cards, as another machine on its network would: ARP, ICMP echo requests, TCP
 * SYNs. Not through QEMU's user network, which forwards no ICMP and accepts a forwarded TCP connection by itself, before
 * the guest has answered anything; not through a tap device, which takes root.
 */
import { randomInt } from 'node:crypto'
import { type Asking, mostProbes, ProbeLog } from '../harness/probe-log.ts'
import {
  arpReply,
  arpRequest,
  echoRequest,
  hear,
  type Station,
  type TcpSegment,
  tcp,
  tcpFlags,
} from './frames.ts'
import { guestAddress, hostMac, type Wire } from './traffic.ts'

/** What the guest's init (images/guest/init) gives its first network card. */
export const guestAddressParameter = `kexec_harness.ip=${guestAddress.join('.')}/24`

/** 20 of each kind a second: fine enough for a gap of a tenth of a second, and next to nothing for the guest to do. */
const intervalMs = 50
/** Nothing listens on the image's; the guest's kernel then answers by itself, with RST. */
const tcpPort = 22
/** The guest is asked for its MAC address as often as each kind is asked for so many times. */
const turnsPerArp = 20
/** Each SYN comes from a port of its own, so that its answer can be told from all others. */
const firstSourcePort = 65_535 - mostProbes

const host: Station = { mac: hostMac, ip: Buffer.from([192, 0, 2, 254]) }

/** A guest on one of these wires is asked from now on. It is found by its answer to ARP. */
export class WirePing implements Asking {
  readonly icmp: ProbeLog = new ProbeLog(intervalMs)
  readonly tcp: ProbeLog = new ProbeLog(intervalMs)
  readonly #wires: readonly Wire[]
  readonly #stop = new DisposableStack()
  /** Of this asker's alone: answers to another's questions, of the cycle before, are none of its. */
  readonly #id = randomInt(2 ** 16)
  readonly #firstSequence = randomInt(2 ** 31)
  #guest: { station: Station; wire: Wire } | undefined
  #turn = 0

  constructor(wires: readonly Wire[]) {
    this.#wires = wires
    for (const wire of wires) this.#stop.defer(wire.onFrame((frame, atNs) => this.#hear(wire, frame, atNs)))
    this.#ask()
    // What an idle event loop missed is not made up for: each question has its own time.
    const timer = setInterval(() => this.#ask(), intervalMs).unref()
    this.#stop.defer(() => clearInterval(timer))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.dispose()
  }

  #ask(): void {
    if (this.#turn++ % turnsPerArp === 0)
      for (const wire of this.#wires) wire.send(arpRequest(host, guestAddress))
    if (!this.#guest) return
    const { wire, station } = this.#guest
    const atNs = process.hrtime.bigint()
    const [echo, syn] = [this.icmp.next, this.tcp.next]
    if (echo !== undefined) {
      this.icmp.asked(echo, atNs)
      wire.send(echoRequest(host, station, this.#id, echo))
    }
    if (syn !== undefined) {
      this.tcp.asked(syn, atNs)
      wire.send(tcp(host, station, this.#syn(syn)))
    }
  }

  #syn(number: number): TcpSegment {
    const sequence = this.#firstSequence + number
    const ports = { sourcePort: firstSourcePort + number, destinationPort: tcpPort }
    return { ...ports, sequence, acknowledgement: 0, flags: tcpFlags.syn }
  }

  #hear(wire: Wire, frame: Buffer, atNs: bigint): void {
    const heard = hear(frame)
    if (!heard) return
    if (heard.type === 'arp') {
      const { sender, target, operation } = heard
      if (!sender.ip.equals(guestAddress)) return
      this.#guest = { station: sender, wire }
      if (operation === 'request' && target.equals(host.ip)) wire.send(arpReply(host, sender))
      return
    }
    if (!heard.from.equals(guestAddress) || !heard.to.equals(host.ip)) return
    if (heard.type === 'tcp') this.#hearTcp(wire, heard.segment, atNs)
    else if (heard.id === this.#id) this.icmp.answered(heard.sequence, atNs)
  }

  #hearTcp(
    wire: Wire,
    { sourcePort, destinationPort, sequence, acknowledgement, flags }: TcpSegment,
    atNs: bigint,
  ): void {
    const number = destinationPort - firstSourcePort
    const syn = this.#syn(number)
    const isAnswer = (flags & tcpFlags.ack) !== 0 && (flags & (tcpFlags.syn | tcpFlags.rst)) !== 0
    if (sourcePort !== tcpPort || !isAnswer || acknowledgement !== syn.sequence + 1) return
    this.tcp.answered(number, atNs)
    // A connection that nobody wants would be offered again and again.
    if ((flags & tcpFlags.rst) !== 0 || !this.#guest) return
    const reset = {
      ...syn,
      sequence: acknowledgement,
      acknowledgement: (sequence + 1) >>> 0,
      flags: tcpFlags.rst,
    }
    wire.send(tcp(host, this.#guest.station, reset))
  }
}
