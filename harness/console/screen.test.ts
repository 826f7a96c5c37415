import test from 'ava'
import { Console } from './console.ts'
import { Screen, ScreenTimeout } from './screen.ts'

function open() {
  const written: string[] = []
  const console = new Console({ write: async (bytes) => void written.push(bytes.toString()) })
  return {
    console,
    written,
    screen: new Screen(console),
    say: (text: string) => console.feed(Buffer.from(text), 1n),
  }
}

test('a screen is read as a person sees it: what was overwritten is gone', async (t) => {
  const { screen, say } = open()
  // curses sends differences: the second status line is the first with its end replaced
  say('\x1b[2J\x1b[25;1HPerforming kexec load\b\b\b\breboot')
  t.is(await screen.expect(/reboot/, { timeoutMs: 5_000, what: 'status' }), 'Performing kexec reboot')
})

test('reverse video, the cursor and colours are seen', async (t) => {
  const { screen, say } = open()
  say('\x1b[2J\x1b[3;5H\x1b[7mMain Linux\x1b[0m \x1b[31mred\x1b[0m')
  const row = await screen.expect(
    (view) => view.rows.findIndex((text) => text.includes('red')) + 1 || undefined,
    {
      timeoutMs: 5_000,
      what: 'row',
    },
  )
  t.is(row, 3)
  t.true(screen.view.inverse(2))
  t.false(screen.view.inverse(1))
  t.deepEqual(screen.view.cursor, { row: 2, column: 18 })
  const [, , , red] = screen.snapshot().rows[2]!.spans
  t.like(red, { text: 'red', foreground: 1, inverse: false })
})

test('a screen that does not come is an error that shows what is there instead', async (t) => {
  const { screen, say } = open()
  say('\x1b[2J\x1b[HWelcome to <b>another</b> menu')
  await screen.expect('another', { timeoutMs: 5_000, what: 'menu' })
  const error = await t.throwsAsync(
    screen.expect('petitboot', { timeoutMs: 10, what: 'menu of petitboot' }),
    {
      instanceOf: ScreenTimeout,
    },
  )
  t.is(error.message, 'no menu of petitboot within 0.01 s; the screen shows:\nWelcome to <b>another</b> menu')
})

test('a half drawn screen is not taken for a whole one', async (t) => {
  const { screen, say } = open()
  say('\x1b[2J\x1b[H1. one\r\n')
  const entries = screen.expect((view) => view.rows.filter((row) => /^\d\./.test(row)).length || undefined, {
    timeoutMs: 5_000,
    settledMs: 200,
    what: 'entries',
  })
  setTimeout(() => say('2. two\r\n'), 20)
  t.is(await entries, 2)
})

test('keys are pressed by name, and text as it is', async (t) => {
  const { screen, written } = open()
  await screen.press('Home', 'Down', { text: 'x' }, 'Enter')
  t.deepEqual(written, ['\x1b[1~', '\x1b[B', 'x', '\r'])
})

test('an abort ends the wait with its own reason', async (t) => {
  const { screen } = open()
  const stop = new AbortController()
  const waiting = screen.expect('never', { timeoutMs: 60_000, signal: stop.signal, what: 'nothing' })
  stop.abort(new Error('enough'))
  await t.throwsAsync(waiting, { message: 'enough' })
})

test('control sequences of a hostile console neither throw nor make the terminal answer', async (t) => {
  const { screen, say, written } = open()
  say('\x1b[6n\x1b[c\x1b]0;title\x07\x1b[999999999;999999999H\x1b[99999999Lx\x1bP+q544e\x1b\\')
  await screen.expect('x', { timeoutMs: 5_000, what: 'x' })
  t.deepEqual(written, [])
})
