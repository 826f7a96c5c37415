import test from 'ava'
import { UsageError } from '../../errors.ts'
import { Console } from '../console.ts'
import { castFromLog } from './cast-from-log.ts'

test('each line of the bytes has its time, notes of the log have none, and no byte is lost', (t) => {
  const raw = Buffer.from('\x1b[2Jone\r\n\x1b[1mtw\xff\r\n# ', 'latin1')
  const log =
    '[    0.500000] one\n[    0.700000] --- console lost: x ---\n[    1.250000] tw\ufffd\n[    2.000000] # \n'
  const { events } = castFromLog('b.log', raw, log)
  t.deepEqual(
    events.map((event) => [event.atMs, 'bytes' in event && event.bytes.toString('latin1')]),
    [
      [500, '\x1b[2Jone\r\n'],
      [1250, '\x1b[1mtw\xff\r\n'],
      [2000, '# '],
    ],
  )
})

test('a log that ends early, or has more lines, keeps time going forwards', (t) => {
  const raw = Buffer.from('a\nb\nc\n')
  const times = (log: string) => castFromLog('b.log', raw, log).events.map(({ atMs }) => atMs)
  t.deepEqual(times('[ 1.0] a\n'), [1000, 1000, 1000])
  t.deepEqual(times('[ 3.0] a\n[ 2.0] b\n[ 4.0] c\n[ 5.0] d\n'), [3000, 3000, 4000])
})

test('without times there is nothing to play', (t) => {
  const error = t.throws(() => castFromLog('b.log', Buffer.from('a\n'), 'a\n'), { instanceOf: UsageError })
  t.is(error!.message, 'b.log: has no lines with their times, so that none can be told')
})

test('what a console hands out as lines is counted the same way here', (t) => {
  const said = Buffer.from('a\r\n\x1b]0;t\nitle\x07b\r\r\n\x1b[31mc\x1b[0m\nd')
  const lines: string[] = []
  const console = new Console({ write: async () => {} })
  console.onLine(({ text }) => lines.push(text))
  console.feed(said, 1n)
  console.close('over')
  const log = lines.map((text, index) => `[${index}.0] ${text}\n`).join('')
  const last = castFromLog('b.log', said, log).events.at(-1)!
  t.is(last.atMs, (lines.length - 1) * 1000)
})
