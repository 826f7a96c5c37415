import test from 'ava'
import { LabError } from '../../errors.ts'
import { simulatedBoard } from './simulated-board-fixture.ts'
import { typeLine } from './typing.ts'

const signal = new AbortController().signal
const options = { prompt: '=> ', cancel: '\x03', echoTimeoutMs: 300, signal }
const line = 'load virtio 0:1 0x40400000 /boot/Image; echo done'

test('no more is typed at once than a UART holds', async (t) => {
  const pieces: string[] = []
  const { console, typed } = simulatedBoard((piece, say) => {
    pieces.push(piece)
    say(piece)
  })
  await typeLine(console, line, options)
  t.is(typed(), line)
  t.true(pieces.every(({ length }) => length <= 16))
})

test('a line that lost a character is thrown away and typed again', async (t) => {
  let lost = false
  const { console, typed } = simulatedBoard((piece, say) => {
    if (piece === '\x03') return say('<INTERRUPT>\r\n=> ')
    const loses = !lost && piece.includes('virtio')
    if (loses) lost = true
    say(loses ? piece.replace('v', '') : piece)
  })
  await typeLine(console, line, options)
  t.is(typed(), `${line.slice(0, 16)}\x03${line}`)
})

test("a line that is never echoed right is the lab's fault", async (t) => {
  const { console } = simulatedBoard((piece, say) => say(piece === '\x03' ? '=> ' : piece.replace('v', 'w')))
  const error = await t.throwsAsync(typeLine(console, line, options), { instanceOf: LabError })
  t.regex(error!.message, /^the console corrupts input: typed "load virtio .*", echoed "load wirtio/)
})
