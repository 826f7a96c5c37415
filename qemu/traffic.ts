/** The host's ends of the guest's network cards, and the frames that keep the cards busy. */
import type { Socket } from 'node:net'

/** Frames since the machine started. */
export type WireCounts = {
  sent: number
  /** Not sent, because the guest did not take what was sent before: its card was not up. */
  heldBack: number
  /** Whatever the guest sent. */
  received: number
  /** Those among them that answer one of ours: the guest's driver received and sent. */
  answered: number
}

/** Bytes of the length in front of each frame: 32 bits, most significant byte first (net/socket.c in QEMU's source). */
const headerBytes = 4
/** NET_BUFSIZE in QEMU's include/net/net.h: the longest frame that it can send. */
const longestFrame = 4096 + 64 * 1024

/** Hears a frame, and when it came: the host's monotonic clock. The frame is gone when the listener returns. */
export type FrameListener = (frame: Buffer, atNs: bigint) => void

/** One end of the cable to a network card. It always reads, so that the guest can always send. */
export class Wire {
  readonly counts: WireCounts = { sent: 0, heldBack: 0, received: 0, answered: 0 }
  readonly #socket: Socket
  readonly #listeners = new Set<FrameListener>()
  #pending: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    // An error is followed by the end of the machine, which others report.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
  }

  /** Sends a frame unless the guest still has not taken the earlier ones. */
  send(frame: Buffer): void {
    const ready = this.#socket.writable && !this.#socket.writableNeedDrain
    this.counts[ready ? 'sent' : 'heldBack']++
    if (!ready) return
    const header = Buffer.alloc(headerBytes)
    header.writeUInt32BE(frame.length)
    this.#socket.write(Buffer.concat([header, frame]))
  }

  /** Calls `listener` for each frame from now on; the function it gives back stops that. */
  onFrame(listener: FrameListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #receive(chunk: Buffer): void {
    const atNs = process.hrtime.bigint()
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (bytes.length >= headerBytes) {
      const length = bytes.readUInt32BE()
      if (length > longestFrame) {
        // No frame of QEMU's: where the next one begins can't be told any more.
        this.#socket.removeAllListeners('data').resume()
        bytes = Buffer.alloc(0)
        break
      }
      if (bytes.length < headerBytes + length) break
      const frame = bytes.subarray(headerBytes, headerBytes + length)
      this.counts.received++
      if (isAnswer(frame)) this.counts.answered++
      for (const listener of this.#listeners) listener(frame, atNs)
      bytes = bytes.subarray(headerBytes + length)
    }
    // A copy, so that a few bytes don't keep a whole chunk.
    this.#pending = Buffer.from(bytes)
  }
}

/** The address that harness-io, or init, gives the board: TEST-NET-1 (RFC 5737), which no network uses. */
export const guestAddress: Buffer = Buffer.from([192, 0, 2, 1])
/** The harness's end of each wire; the cards have the same address but for its last byte (see arguments.ts). */
export const hostMac: Buffer = Buffer.from('5254006b78ff', 'hex')
const arp = Buffer.from([0x08, 0x06])
const reply = Buffer.from([0, 2])

/**
 * An ARP probe (RFC 5227): a broadcast that every card receives and that a guest with our address answers whatever
 * its routes are. Its padding is text that can be recognised where a card that was left on wrote it into memory.
 */
export const probeFrame: Buffer = Buffer.concat([
  Buffer.alloc(6, 0xff),
  hostMac,
  arp,
  // Ethernet and IPv4 addresses, of 6 and 4 bytes; a request.
  Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]),
  // From a sender without an IPv4 address, about the guest's.
  ...[hostMac, Buffer.alloc(4), Buffer.alloc(6), guestAddress],
  // Up to the 60 bytes that an Ethernet frame has at least.
  Buffer.from('kexec-harness'.padEnd(18, '.')),
])

/** Offsets of EtherType, ARP operation and sender's IPv4 address in an ARP frame. */
function isAnswer(frame: Buffer): boolean {
  return (
    frame.subarray(12, 14).equals(arp) &&
    frame.subarray(20, 22).equals(reply) &&
    frame.subarray(28, 32).equals(guestAddress)
  )
}

const tickMs = 20

/** Sends frames on each wire at a rate until it is closed. What an idle event loop missed is not made up for. */
export class Traffic implements Disposable {
  /** One entry a wire. */
  readonly counts: readonly WireCounts[]
  readonly #timer: NodeJS.Timeout

  constructor(wires: readonly Wire[], framesPerSecond: number) {
    this.counts = wires.map(({ counts }) => counts)
    let due = 0
    this.#timer = setInterval(() => {
      due += (framesPerSecond * tickMs) / 1000
      for (; due >= 1; due--) for (const wire of wires) wire.send(probeFrame)
    }, tickMs)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
