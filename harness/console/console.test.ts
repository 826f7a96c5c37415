import test from 'ava'
import { Console, ConsoleClosed, ConsoleTimeout } from './console.ts'

const patient = { timeoutMs: 60_000, what: 'the text' }

function openConsole() {
  const written: string[] = []
  const console = new Console({ write: async (bytes) => void written.push(bytes.toString()) })
  let clock = 0n
  const say = (text: string) => console.feed(Buffer.from(text), ++clock)
  return { console, say, written }
}

test('expect finds text that comes in pieces, and says when its first character came', async (t) => {
  const { console, say } = openConsole()
  const found = console.expect('ready', patient)
  say('not re')
  say('ad')
  say('y yet? ready!')
  const match = await found
  t.is(match.text, 'ready')
  t.is(match.atNs, 1n)
})

test('expect looks only at what comes after it, unless told from where', async (t) => {
  const { console, say } = openConsole()
  const from = console.position
  say('old prompt # ')
  t.is((await console.expect('# ', { ...patient, from })).end, 13)
  await t.throwsAsync(console.expect('# ', { timeoutMs: 10, what: 'prompt' }), {
    instanceOf: ConsoleTimeout,
    message: /no prompt within 0.01 s; last line: "old prompt # "/,
  })
})

test('groups of a pattern are handed out', async (t) => {
  const { console, say } = openConsole()
  const found = console.expect(/status=(\d+)/, patient)
  say('\x1b[32mstatus=\x1b[0m42\n')
  t.deepEqual((await found).groups, ['42'])
})

test('a wait ends with the signal', async (t) => {
  const { console } = openConsole()
  const stop = new AbortController()
  const found = console.expect('never', { ...patient, signal: stop.signal })
  stop.abort(new Error('stopped by the user'))
  await t.throwsAsync(found, { message: 'stopped by the user' })
})

test('a wait ends when the console is closed, and so does writing', async (t) => {
  const { console } = openConsole()
  const found = console.expect('never', patient)
  console.close('unplugged')
  await t.throwsAsync(found, { instanceOf: ConsoleClosed, message: 'unplugged' })
  await t.throwsAsync(console.write('x'), { instanceOf: ConsoleClosed })
})

test('the last lines include the unfinished one', (t) => {
  const { console, say } = openConsole()
  say('one\ntwo\n[    1.5] psci: CPU5 kil')
  t.deepEqual(console.lastLines(2), ['two', '[    1.5] psci: CPU5 kil'])
  t.is(console.lastLine, '[    1.5] psci: CPU5 kil')
})

test('memory stays bounded, and positions stay right, however much a console says', async (t) => {
  const { console, say } = openConsole()
  const chunk = `${'x'.repeat(1023)}\n`.repeat(1024)
  for (let count = 0; count < 8; count++) say(chunk)
  t.is(console.position, 8 * 1024 * 1024)
  t.true(console.since(0).length <= 2 * 1024 * 1024 + chunk.length)
  const from = console.position
  say('token')
  t.is((await console.expect('token', { ...patient, from })).end, from + 5)
})

test('a matcher that waits through much output is handed only the end of it', async (t) => {
  const { console, say } = openConsole()
  const lengths: number[] = []
  const found = console.expect((text) => {
    lengths.push(text.length)
    const index = text.indexOf('token')
    return index === -1 ? undefined : { index, length: 5 }
  }, patient)
  for (let count = 0; count < 100; count++) say(`${'x'.repeat(999)}\n`)
  say('tok')
  say('en')
  t.is((await found).end, 100_005)
  t.true(Math.max(...lengths) <= 16_384 + 1_000)
})

test('a hole cuts the unfinished line and is told, and what is expected is waited for beyond it', async (t) => {
  const { console, say } = openConsole()
  const lines: string[] = []
  const told: string[] = []
  console.onLine(({ text, cut }) => lines.push(`${text}${cut ? ' (cut)' : ''}`))
  console.onHole(({ reason, position }) => told.push(`${reason} at ${position}`))
  const found = console.expect('after', patient)
  say('one\nlog\x1b[3')
  console.hole('unplugged', 50n)
  console.hole('unplugged again', 60n)
  console.back(70n)
  console.back(80n)
  say('in: after\n')
  t.is((await found).text, 'after')
  t.deepEqual(lines, ['one', 'log (cut)', 'in: after'])
  t.deepEqual(told, ['unplugged at 7'])
  t.deepEqual(console.holes, [{ reason: 'unplugged', position: 7, atNs: 50n, backNs: 70n }])
  t.notRegex(console.since(0), /login/)
})

test('a secret is in no line that is handed out', (t) => {
  const console = new Console({ write: async () => {} }, undefined, { secrets: ['hunter2'] })
  const lines: string[] = []
  console.onLine(({ text }) => lines.push(text))
  console.feed(Buffer.from('password hun\x1b[1mter2 given\nhunter2'), 1n)
  t.deepEqual(lines, ['password ******* given'])
  t.deepEqual(console.lastLines(2), ['password ******* given', '*******'])
})

test('what is no text is told as garble, with the speed of the descriptor', (t) => {
  const console = new Console({ write: async () => {} }, undefined, { baud: 9600 })
  console.feed(Buffer.from('login: '.repeat(30)), 1n)
  t.is(console.garble, undefined)
  console.feed(Buffer.alloc(600, 0xf8), 2n)
  t.regex(console.garble!, /^what arrives is no text .*the descriptor says 9600$/)
})
