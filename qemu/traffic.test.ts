import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { listenOnce, privateFolder, removeFolder } from './sockets.ts'
import { probeFrame, Traffic, Wire } from './traffic.ts'

/** A wire, and the socket on which QEMU would be. */
async function openWire(t: ExecutionContext): Promise<{ wire: Wire; qemu: Socket }> {
  const folder = await privateFolder()
  const listener = await listenOnce(join(folder, 'wire.sock'))
  const qemu = createConnection(listener.path)
  const wire = new Wire(await listener.connected)
  t.teardown(async () => {
    qemu.destroy()
    listener.close()
    await removeFolder(folder)
  })
  return { wire, qemu }
}

function framed(frame: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(frame.length)
  return Buffer.concat([header, frame])
}

/** What a guest with our address answers to the probe. */
const answer = Buffer.from(probeFrame)
answer.writeUInt16BE(2, 20)
Buffer.from([192, 0, 2, 1]).copy(answer, 28)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

test('a probe is a broadcast ARP request of the shortest length that Ethernet has', (t) => {
  t.is(probeFrame.length, 60)
  t.is(probeFrame.toString('hex', 0, 6), 'ffffffffffff')
  t.is(probeFrame.toString('hex', 12, 22), '08060001080006040001')
  t.is(probeFrame.toString('hex', 38, 42), 'c0000201')
  t.is(probeFrame.toString('latin1', 42), 'kexec-harness.....')
})

test('frames are counted however the stream cuts them, and answers among them', async (t) => {
  const { wire, qemu } = await openWire(t)
  const stream = Buffer.concat([answer, Buffer.alloc(60), answer, Buffer.alloc(0)].map(framed))
  for (const byte of stream) {
    qemu.write(Buffer.from([byte]))
    await new Promise(setImmediate)
  }
  qemu.write(Buffer.concat([stream, stream]))
  await until(() => wire.counts.received === 12)
  t.deepEqual(wire.counts, { sent: 0, heldBack: 0, received: 12, answered: 6 })
})

test('what is no frame ends the counting, not the reading', async (t) => {
  const { wire, qemu } = await openWire(t)
  qemu.write(Buffer.concat([framed(answer), Buffer.alloc(4, 0xff), framed(answer)]))
  for (let sent = 0; sent < 8; sent++) {
    // Written through: somebody still reads.
    await new Promise<void>((resolve) => qemu.write(Buffer.alloc(1024 * 1024), () => resolve()))
  }
  t.deepEqual(wire.counts, { sent: 0, heldBack: 0, received: 1, answered: 1 })
})

test('traffic puts whole probes on the wire until it is closed', async (t) => {
  const { wire, qemu } = await openWire(t)
  let bytes = Buffer.alloc(0)
  qemu.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
  })
  const traffic = new Traffic([wire], 1000)
  await until(() => bytes.length >= 3 * 64)
  traffic[Symbol.dispose]()
  const { sent } = wire.counts
  await until(() => bytes.length === sent * 64)
  t.deepEqual(bytes, Buffer.concat(Array<Buffer>(sent).fill(framed(probeFrame))))
  t.is(traffic.counts[0], wire.counts)
})

test('a guest that takes no frames is not flooded, and one that is gone is no error', async (t) => {
  const { wire, qemu } = await openWire(t)
  while (wire.counts.heldBack === 0) wire.send(probeFrame)
  const { sent } = wire.counts
  wire.send(probeFrame)
  t.like(wire.counts, { sent, heldBack: 2 })
  qemu.destroy()
  await once(qemu, 'close')
  await new Promise(setImmediate)
  wire.send(probeFrame)
  t.is(wire.counts.sent, sent)
})
