import test from 'ava'
import { arpReply, arpRequest, checksum, echoRequest, hear, tcp, tcpFlags } from './frames.ts'

const us = { mac: Buffer.from('5254006b78ff', 'hex'), ip: Buffer.from([192, 0, 2, 254]) }
const guest = { mac: Buffer.from('5254006b7800', 'hex'), ip: Buffer.from([192, 0, 2, 1]) }
const segment = {
  ...{ sourcePort: 40_000, destinationPort: 22, sequence: 0xfffffff0, acknowledgement: 7 },
  flags: tcpFlags.syn,
}

/** What the guest says to an echo request: the same frame the other way round, as type 0. */
function echoReply(): Buffer {
  const frame = echoRequest(guest, us, 0x1234, 5)
  frame.writeUInt8(0, 34)
  return frame
}

test('the checksum is that of RFC 1071, section 3', (t) => {
  t.is(checksum(Buffer.from('0001f203f4f5f6f7', 'hex')), 0xffff - 0xddf2)
  t.is(checksum(Buffer.from([0xab])), 0xffff - 0xab00)
})

test('headers carry checksums that a receiver finds right', (t) => {
  const echo = echoRequest(us, guest, 0x1234, 5)
  t.is(echo.length, 60)
  t.is(echo.toString('hex', 0, 14), '5254006b78005254006b78ff0800')
  t.is(checksum(echo.subarray(14, 34)), 0)
  t.is(checksum(echo.subarray(34, 42)), 0)
  const syn = tcp(us, guest, segment)
  t.is(syn.readUInt16BE(16), 40, 'its length, without what fills the frame up')
  const pseudoHeader = Buffer.concat([us.ip, guest.ip, Buffer.from([0, 6, 0, 20])])
  t.is(checksum(Buffer.concat([pseudoHeader, syn.subarray(34, 54)])), 0)
})

test('ARP goes to everybody, its answer to one', (t) => {
  const request = arpRequest(us, guest.ip)
  t.is(request.toString('hex', 0, 6), 'ffffffffffff')
  t.deepEqual(hear(request), { type: 'arp', operation: 'request', sender: us, target: guest.ip })
  const reply = arpReply(guest, us)
  t.is(reply.toString('hex', 0, 6), '5254006b78ff')
  t.deepEqual(hear(reply), { type: 'arp', operation: 'reply', sender: guest, target: us.ip })
})

test('answers are heard, questions of our own are none', (t) => {
  t.deepEqual(hear(echoReply()), {
    ...{ type: 'echo-reply', from: guest.ip, to: us.ip, id: 0x1234, sequence: 5 },
  })
  t.is(hear(echoRequest(us, guest, 1, 1)), undefined)
  t.deepEqual(hear(tcp(guest, us, segment)), { type: 'tcp', from: guest.ip, to: us.ip, segment })
})

test('what is heard does not change with the buffer that it came in', (t) => {
  const frame = arpReply(guest, us)
  const heard = hear(frame)
  frame.fill(0)
  t.deepEqual(heard, { type: 'arp', operation: 'reply', sender: guest, target: us.ip })
})

test('every frame cut short is no answer, and none is an error', (t) => {
  const whole = [arpReply(guest, us), echoReply(), tcp(guest, us, segment)]
  const needed = [14 + 28, 14 + 28, 14 + 40]
  for (const [index, frame] of whole.entries())
    for (let length = 0; length < needed[index]!; length++) t.is(hear(frame.subarray(0, length)), undefined)
})

const lies: [string, (frame: Buffer) => void][] = [
  ['a header shorter than one', (frame) => frame.writeUInt8(0x44, 14)],
  ['a header longer than the packet', (frame) => frame.writeUInt8(0x4f, 14)],
  ['another version', (frame) => frame.writeUInt8(0x65, 14)],
  ['a length beyond the frame', (frame) => frame.writeUInt16BE(0xffff, 16)],
  ['a length of nothing', (frame) => frame.writeUInt16BE(0, 16)],
  ['a length of the header alone', (frame) => frame.writeUInt16BE(20, 16)],
  ['more fragments to come', (frame) => frame.writeUInt16BE(0x2000, 20)],
  ['a later fragment', (frame) => frame.writeUInt16BE(0x0001, 20)],
  ['another protocol', (frame) => frame.writeUInt8(17, 23)],
  ['another kind of frame', (frame) => frame.writeUInt16BE(0x86dd, 12)],
]

for (const [what, lie] of lies)
  test(`${what} is no answer`, (t) => {
    for (const frame of [echoReply(), tcp(guest, us, segment)]) {
      lie(frame)
      t.is(hear(frame), undefined)
    }
  })

test('noise is never an error', (t) => {
  // A fixed seed: what fails once fails again.
  let seed = 1
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31
  }
  for (let round = 0; round < 5_000; round++) {
    const [frame] = [echoReply(), tcp(guest, us, segment), arpReply(guest, us)].slice(round % 3)
    for (let change = 0; change < 4; change++)
      frame!.writeUInt8(Math.floor(random() * 256), 12 + Math.floor(random() * 48))
    t.notThrows(() => hear(frame!.subarray(0, Math.floor(random() * 61))))
  }
})
