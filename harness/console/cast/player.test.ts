import test from 'ava'
import { type Cast, parseCast } from './cast.ts'
import { openCast } from './cast-fixture.ts'
import { CastMismatch, playCast } from './player.ts'

const shortly = { timeoutMs: 30_000 }

/** Says a menu, waits for a key, says what it did. */
const menu = cast(
  [0.01, 'o', '1. one\r\n2. two\r\n> '],
  [0.02, 'i', '2\n'],
  [0.03, 'o', '2\r\nbooting two\r\n'],
)

function cast(...events: [number, string, string][]): Cast {
  const head = { version: 2, width: 80, height: 25 }
  return parseCast([head, ...events].map((line) => `${JSON.stringify(line)}\n`).join(''), 'menu.cast')
}

test('a recording is played, typed at, and hangs up', async (t) => {
  await using played = await openCast(menu)
  await played.screen.expect('2. two', { ...shortly, what: 'menu' })
  t.false(played.console.since(0).includes('booting'))
  await played.console.write('2\n')
  t.is(await played.ended, 'the recording menu.cast is over')
  t.is(played.console.since(0), '1. one\r\n2. two\r\n> 2\r\nbooting two\r\n')
})

test('what is typed is compared as a stream, early or in pieces', async (t) => {
  await using played = await openCast(menu, { speed: 0 })
  await played.console.write('2')
  await played.console.write('\n')
  t.regex(await played.ended, /is over/)
})

test('something else typed ends the play, and both are named', async (t) => {
  await using played = await openCast(menu, { speed: 0 })
  await played.screen.expect('>', { ...shortly, what: 'menu' })
  await played.console.write('2')
  const error = await t.throwsAsync(played.console.write('3\n'), { instanceOf: CastMismatch })
  t.is(error.message, 'menu.cast: typed "23\\n" where the recording has "2\\n" (at 0.020 s)')
  t.is(await played.ended, error.message)
})

test('an input that never comes ends the play, and says what was waited for', async (t) => {
  await using played = await openCast(menu, { speed: 0, inputLimitMs: 50 })
  t.is(await played.ended, 'menu.cast: waited 0.05 s for "2\\n" to be typed; typed was nothing')
})

test('more input than the recording has is told', async (t) => {
  await using played = await openCast(menu, { speed: 0 })
  const error = await t.throwsAsync(played.console.write('2\nx'), { instanceOf: CastMismatch })
  t.is(error.message, 'menu.cast: typed "x" where the recording has no more input')
})

test('lenient: any keys of at least that many bytes move on', async (t) => {
  await using played = await openCast(menu, { speed: 0, input: 'lenient' })
  await played.console.write('\x1b[B')
  t.regex(await played.ended, /is over/)
  t.true(played.console.since(0).includes('booting two'))
})

test('a token that is new each time is taken for the recorded one, in what is said after it, too', async (t) => {
  await using played = await openCast(
    cast(
      [0, 'o', '# '],
      [0, 'i', 'echo S$((40+2))q00ff00z; true\n'],
      [0, 'o', 'echo S$((40+2))q00f'],
      [0, 'o', 'f00z; true\r\nS42q00ff00z\r\n# '],
      [0, 'i', 'echo q00ff00z\n'],
      [0, 'o', 'q00ff00z\r\n'],
    ),
    { speed: 0 },
  )
  await played.console.write('echo S$((40+2))qabc')
  await played.console.write('123z; true\n')
  await played.console.expect('S42qabc123z', { ...shortly, from: 0, what: 'answer' })
  await played.console.write('echo qabc123z\n')
  t.regex(await played.ended, /is over/)
  t.false(played.console.since(0).includes('q00ff00z'))
})

test('time passes as it was recorded, faster, or not at all; after an input as long as it did then', async (t) => {
  const slow = cast([1, 'o', 'a'], [100, 'i', 'x'], [102, 'o', 'b'])
  for (const [speed, waitsMs] of [
    [1, [1000, 2000]],
    [4, [250, 500]],
  ] as const) {
    let nowNs = 0n
    const waited: number[] = []
    const clock = {
      nowNs: () => nowNs,
      sleep: async (ms: number) => {
        waited.push(ms)
        nowNs += BigInt(Math.round(ms * 1e6))
      },
    }
    const ended = Promise.withResolvers<string>()
    const connection = await playCast(slow, { speed, clock })(
      { bytes: () => {}, ended: ended.resolve },
      new AbortController().signal,
    )
    await connection.write(Buffer.from('x'))
    await ended.promise
    t.deepEqual(waited, [...waitsMs])
  }
})

test('a recording is played once', async (t) => {
  const connect = playCast(menu)
  const sink = { bytes: () => {}, ended: () => {} }
  const connection = await connect(sink, new AbortController().signal)
  await t.throwsAsync(connect(sink, new AbortController().signal), { message: /played already/ })
  await connection.close()
  await t.throwsAsync(connection.write(Buffer.from('2')), { message: /was closed/ })
})

test('a damaged screen is drawn again when the loader asks for it, and the play goes on', async (t) => {
  const said = '\x1b[2J\x1b[H\x1b[7m* one\x1b[0m\x1b[2;1H  \x1b[1;31mtwo\x1b[0m\x1b[4;3H'
  const recording = cast([0, 'o', said], [0, 'i', '\x0c'], [0, 'o', '?'], [0, 'i', 'x'])
  await using whole = await openCast(recording, { speed: 0 })
  await whole.screen.expect('two', { ...shortly, what: 'menu' })
  await using damaged = await openCast(recording, {
    ...{ speed: 0, redrawOn: '\x0c', input: 'lenient' },
    faults: { seed: 2, output: { lost: 0.03 } },
  })
  // Each drawing loses bytes again, but one of so few comes whole before long.
  for (let attempt = 1; damaged.screen.text !== whole.screen.text; attempt++) {
    t.true(attempt < 1_000)
    await damaged.console.write('\x0c')
    await damaged.screen.caughtUp()
  }
  await damaged.console.write('y')
  await damaged.console.write('z')
  t.regex(await damaged.ended, /is over/)
})

test('what is drawn again looks as before', async (t) => {
  const said =
    '\x1b[2J\x1b[5;10H\x1b[7m* 漢 one \x1b[0m\x1b[6;1H\x1b[1;31;48;5;99mtwo\x1b[0m \x1b[38;2;1;2;3mx\x1b[0m\x1b[25;80H!\x1b[4;3H'
  const recording = cast([0, 'o', said], [0, 'i', 'x'])
  await using played = await openCast(recording, { speed: 0, redrawOn: '\x0c' })
  await played.screen.expect('!', { ...shortly, what: 'screen' })
  const before = played.screen.snapshot()
  played.console.feed(Buffer.from('\x1b[3;1Hdamage\x1b[33m'), 1n)
  await played.console.write('\x0c')
  await played.screen.caughtUp()
  t.deepEqual(played.screen.snapshot(), before)
})
