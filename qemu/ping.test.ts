import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { arpReply, arpRequest, echoRequest, type Heard, hear, tcp, tcpFlags } from './frames.ts'
import { WirePing } from './ping.ts'
import { listenOnce, privateFolder, removeFolder } from './sockets.ts'
import { Wire } from './traffic.ts'

const us = { mac: Buffer.from('5254006b78ff', 'hex'), ip: Buffer.from([192, 0, 2, 254]) }
const guest = { mac: Buffer.from('5254006b7800', 'hex'), ip: Buffer.from([192, 0, 2, 1]) }
const limit = () => AbortSignal.timeout(60_000)

type Question = { frame: Buffer; heard: Heard | undefined }

/** A wire that is asked over, and what a simulated guest does with each frame that it gets. */
async function simulatedGuest(
  t: ExecutionContext,
  answer: (question: Question, send: (frame: Buffer) => void) => void,
): Promise<WirePing> {
  const folder = await privateFolder()
  const listener = await listenOnce(join(folder, 'wire.sock'))
  const qemu = createConnection(listener.path)
  let pending = Buffer.alloc(0)
  qemu.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const frame = Buffer.from(pending.subarray(4, 4 + pending.readUInt32BE()))
      pending = pending.subarray(4 + frame.length)
      answer({ frame, heard: hear(frame) }, (reply) => sendOn(qemu, reply))
    }
  })
  const ping = new WirePing([new Wire(await listener.connected)])
  t.teardown(async () => {
    await ping[Symbol.asyncDispose]()
    qemu.destroy()
    listener.close()
    await removeFolder(folder)
  })
  return ping
}

function sendOn(socket: Socket, frame: Buffer): void {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(frame.length)
  if (socket.writable) socket.write(Buffer.concat([header, frame]))
}

/** A healthy guest's answer to a question; undefined to what is none. */
function healthy({ frame, heard }: Question): Buffer | undefined {
  if (heard?.type === 'arp' && heard.operation === 'request') return arpReply(guest, us)
  if (heard?.type === 'tcp' && heard.segment.flags === tcpFlags.syn)
    return tcp(guest, us, {
      sourcePort: heard.segment.destinationPort,
      destinationPort: heard.segment.sourcePort,
      sequence: 0,
      acknowledgement: (heard.segment.sequence + 1) >>> 0,
      flags: tcpFlags.rst | tcpFlags.ack,
    })
  // Our own echo requests are nothing that is heard.
  return heard === undefined ? echoReplyTo(frame) : undefined
}

function echoReplyTo(frame: Buffer): Buffer {
  const reply = echoRequest(guest, us, frame.readUInt16BE(38), frame.readUInt16BE(40))
  reply.writeUInt8(0, 34)
  return reply
}

test('a guest is found by ARP, and each of its answers counts', async (t) => {
  const ping = await simulatedGuest(t, (question, send) => {
    const reply = healthy(question)
    if (reply) send(reply)
  })
  await Promise.all([ping.icmp.answers(5, limit()), ping.tcp.answers(5, limit())])
  const { probes } = ping.icmp
  t.true(probes.every(({ sentNs, answeredNs }) => answeredNs === null || answeredNs >= sentNs))
  t.is(ping.icmp.duplicates + ping.tcp.duplicates, 0)
})

test('a guest that asks for our address is told', async (t) => {
  const told = Promise.withResolvers<Heard>()
  let asked = false
  await simulatedGuest(t, ({ heard }, send) => {
    if (!asked) send(arpRequest(guest, us.ip))
    asked = true
    if (heard?.type === 'arp' && heard.operation === 'reply') told.resolve(heard)
  })
  t.deepEqual(await told.promise, { type: 'arp', operation: 'reply', sender: us, target: guest.ip })
})

test('an open port answers too, and its connection is ended', async (t) => {
  const ended = Promise.withResolvers<void>()
  const ping = await simulatedGuest(t, (question, send) => {
    const reply = healthy(question)
    const isSyn = question.heard?.type === 'tcp' && question.heard.segment.flags === tcpFlags.syn
    if (question.heard?.type === 'tcp' && question.heard.segment.flags === tcpFlags.rst) ended.resolve()
    if (!reply) return
    // SYN and ACK, whose checksum nobody here looks at.
    if (isSyn) reply.writeUInt8(tcpFlags.syn | tcpFlags.ack, 47)
    send(reply)
  })
  await ping.tcp.answers(2, limit())
  await t.notThrowsAsync(ended.promise)
})

test('answers that come twice count once', async (t) => {
  const ping = await simulatedGuest(t, (question, send) => {
    const reply = healthy(question)
    if (reply) for (let copy = 0; copy < 2; copy++) send(reply)
  })
  await Promise.all([ping.icmp.answers(4, limit()), ping.tcp.answers(4, limit())])
  t.true(ping.icmp.duplicates >= 2 && ping.tcp.duplicates >= 2)
  t.true(ping.icmp.probes.filter(({ answeredNs }) => answeredNs !== null).length <= ping.icmp.probes.length)
})

test('a guest that lies answers nothing', async (t) => {
  let questions = 0
  const enough = Promise.withResolvers<void>()
  const ping = await simulatedGuest(t, (question, send) => {
    const reply = healthy(question)
    if (!reply) return
    if (question.heard?.type === 'arp') return send(reply)
    const from = (ip: number) => {
      const forged = Buffer.from(reply)
      forged.writeUInt8(ip, 29)
      return forged
    }
    // From somebody else, cut short, of another asker or question, without ACK, and noise.
    send(from(9))
    send(reply.subarray(0, 40))
    const other = Buffer.from(reply)
    other.writeUInt16BE((other.readUInt16BE(38) + 1) & 0xffff, 38)
    other.writeUInt32BE((other.readUInt32BE(42) + 1) >>> 0, 42)
    send(other)
    if (question.heard?.type === 'tcp') {
      const unasked = Buffer.from(reply)
      unasked.writeUInt8(tcpFlags.rst, 47)
      send(unasked)
    }
    send(Buffer.alloc(1_500, 0xff))
    if (++questions === 20) enough.resolve()
  })
  await enough.promise
  const { probes } = ping.icmp
  t.true(probes.length >= 5)
  for (const log of [ping.icmp, ping.tcp]) t.true(log.probes.every(({ answeredNs }) => answeredNs === null))
})
