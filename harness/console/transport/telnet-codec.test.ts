import test from 'ava'
import { TelnetCodec } from './telnet-codec.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const will = { binary: 'fffb00', comPort: 'fffb2c' }
const go = { binary: 'fffd00', suppressGoAhead: 'fffd03' }

function open(options: { comPort?: boolean; baud?: number } = {}) {
  const sent: string[] = []
  const codec = new TelnetCodec({
    comPort: options.comPort ?? true,
    ...(options.baud === undefined ? {} : { baud: options.baud }),
    send: (bytes) => sent.push(bytes.toString('hex')),
  })
  codec.start()
  return { codec, sent }
}

test('it asks once, and a peer that never answers is served all the same', (t) => {
  const { codec, sent } = open()
  t.deepEqual(sent, [will.binary, go.binary, go.suppressGoAhead, will.comPort])
  t.deepEqual(codec.decode(Buffer.from('login: ')), Buffer.from('login: '))
  t.deepEqual(codec.encode(hex('61 0d ff')), hex('61 0d ff ff'))
  t.is(sent.length, 4)
  t.is(open({ comPort: false }).sent.length, 3)
})

test('data comes out the same wherever the chunks are cut', (t) => {
  const stream = hex('61 ff ff 0d 0a ff fb 01 62 ff fa 2c 6b ff ff 01 ff f0 63 ff f1 ff fc 03 64 ff ff ff ff')
  const expected = hex('61 ff 0d 0a 62 63 64 ff ff')
  for (let cut = 0; cut <= stream.length; cut++) {
    const { codec } = open()
    const out = [codec.decode(stream.subarray(0, cut)), codec.decode(stream.subarray(cut))]
    t.deepEqual(Buffer.concat(out), expected, `cut at ${cut}`)
  }
})

test('a carriage return is followed by NUL where the other end does not take 8-bit data', (t) => {
  const { codec } = open()
  t.deepEqual(codec.decode(hex('61 0d 00 62 00')), hex('61 0d 62 00'))
  codec.decode(hex('ff fe 00'))
  t.deepEqual(codec.encode(Buffer.from('ls\r')), hex('6c 73 0d 00'))
  const binary = open().codec
  binary.decode(hex('ff fd 00 ff fb 00'))
  t.deepEqual(binary.decode(hex('61 0d 00')), hex('61 0d 00'))
  t.deepEqual(binary.encode(Buffer.from('ls\r')), Buffer.from('ls\r'))
})

test('an agreed RFC 2217 sets the port, its 255s doubled, and sends a BREAK on and off', (t) => {
  const { codec, sent } = open({ baud: 65_280 })
  t.deepEqual(
    codec.breakCommands.map((command) => command.toString('hex')),
    ['fff3'],
  )
  codec.decode(hex('ff fd 2c'))
  t.deepEqual(sent.slice(4), [
    'fffa2c010000ffff00fff0',
    'fffa2c0208fff0',
    'fffa2c0301fff0',
    'fffa2c0401fff0',
    'fffa2c0501fff0',
  ])
  t.deepEqual(
    codec.breakCommands.map((command) => command.toString('hex')),
    ['fffa2c0505fff0', 'fffa2c0506fff0'],
  )
  codec.decode(hex('ff fa 2c 65 00 00 25 80 ff f0'))
  t.is(codec.answeredBaud, 9600)
})

test('two ends never answer each other without end', (t) => {
  const { codec, sent } = open()
  sent.length = 0
  for (let count = 0; count < 3; count++) codec.decode(hex('ff fd 00 ff fb 00 ff fb 03'))
  t.deepEqual(sent, [])
  codec.decode(hex('ff fb 01'))
  codec.decode(hex('ff fb 01'))
  t.deepEqual(sent, ['fffd01'])
  codec.decode(hex('ff fd 18'))
  codec.decode(hex('ff fd 18'))
  t.is(sent[1], 'fffc18')
  codec.decode(hex('ff fc 01'))
  codec.decode(hex('ff fc 01'))
  t.is(sent.at(-1), 'fffe01')
  t.is(sent.filter((command) => command === 'fffe01').length, 1)
})
