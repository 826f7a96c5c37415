import test from 'ava'
import { encodePacket, PacketReader, parseStop } from './gdb-packets.ts'

test('a packet ends with the sum of its bytes', (t) => {
  t.is(encodePacket('c'), '$c#63')
  t.is(encodePacket(''), '$#00')
})

test('packets and acknowledgements are told apart, however the bytes are split', (t) => {
  const bytes = Buffer.from('+$T05thread:02;#08+-$OK#9a')
  const wanted = [
    { acknowledged: true },
    { packet: 'T05thread:02;', intact: true },
    { acknowledged: true },
    { acknowledged: false },
    { packet: 'OK', intact: true },
  ]
  t.deepEqual(new PacketReader().push(bytes), wanted)
  const reader = new PacketReader()
  t.deepEqual(
    [...bytes].flatMap((byte) => reader.push(Buffer.from([byte]))),
    wanted,
  )
})

test('a damaged packet is handed out as such, and garbage between packets is skipped', (t) => {
  t.deepEqual(new PacketReader().push(Buffer.from('\x00noise$OK#9b$OK#9A')), [
    { packet: 'OK', intact: false },
    { packet: 'OK', intact: true },
  ])
})

test('a packet that never ends does not fill the memory', (t) => {
  const reader = new PacketReader()
  t.throws(() => reader.push(Buffer.from(`$${'a'.repeat(100_000)}`)), { instanceOf: RangeError })
})

test('a stop names its signal and its CPU', (t) => {
  t.deepEqual(parseStop('T05thread:02;'), { signal: 5, cpu: 1 })
  t.deepEqual(parseStop('T05thread:p01.0a;'), { signal: 5, cpu: 9 })
  t.deepEqual(parseStop('T02thread:01;'), { signal: 2, cpu: 0 })
  t.deepEqual(parseStop('T05hwbreak:;thread:03;'), { signal: 5, cpu: 2 })
  t.deepEqual(parseStop('S05'), { signal: 5, cpu: null })
  for (const other of ['OK', '', 'E14', 'QC01', 'm01,02', '544f']) t.is(parseStop(other), undefined)
})
