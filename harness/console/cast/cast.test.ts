import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { UsageError } from '../../errors.ts'
import { type Cast, type CastEvent, CastWriter, formatCast, parseCast, readCast } from './cast.ts'
import { CastRecorder } from './cast-recorder.ts'

const head = '{"version": 2, "width": 80, "height": 25}\n'
const size = { columns: 80, rows: 25 }

function bytesOf(cast: Cast, type: 'input' | 'output' = 'output'): Buffer {
  return Buffer.concat(cast.events.flatMap((event) => (event.type === type ? [event.bytes] : [])))
}

test('version 2 is read: head, output, input, markers', (t) => {
  const cast = parseCast(
    '{"version":2,"width":100,"height":30,"title":"a","timestamp":1700000000,"env":{"TERM":"vt100"}}\n[0.5,"o","x\\r\\n"]\n[1,"i","y"]\n[1.25,"m","here"]\n[2,"z","unknown"]\n',
    'a.cast',
  )
  t.deepEqual(cast, {
    name: 'a.cast',
    columns: 100,
    rows: 30,
    title: 'a',
    recordedAtMs: 1_700_000_000_000,
    events: [
      { atMs: 500, type: 'output', bytes: Buffer.from('x\r\n') },
      { atMs: 1000, type: 'input', bytes: Buffer.from('y') },
      { atMs: 1250, type: 'marker', text: 'here' },
    ],
  })
})

test('version 3 counts time from one event to the next, and has comments', (t) => {
  const text =
    '{"version":3,"term":{"cols":80,"rows":25}}\n# a comment\n[0.5,"o","a"]\n[0.25,"o","b"]\n[1,"x","0"]\n'
  const cast = parseCast(text, 'a.cast')
  t.deepEqual(cast.events, [
    { atMs: 500, type: 'output', bytes: Buffer.from('a') },
    { atMs: 750, type: 'output', bytes: Buffer.from('b') },
    { atMs: 1750, type: 'exit', text: '0' },
  ])
  t.deepEqual(parseCast(formatCast(cast, 3), 'a.cast'), cast)
})

test('bytes that are no UTF-8 are lone surrogates, and none is lost', (t) => {
  const cast = parseCast(`${head}[0,"o","a\\udcff\\udc80\u{1f480}\\ud83d\\udc80é"]\n`, 'a.cast')
  t.deepEqual(bytesOf(cast), Buffer.from('61ff80f09f9280f09f9280c3a9', 'hex'))
  t.regex(formatCast(cast), /"a\\udcff\\udc80💀💀é"/)
})

test('any bytes in any pieces come back as they were, in both versions', (t) => {
  let state = 1
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const samples = ['é', '漢', '\u{1f600}', '\x1b[2J', '\0', '\ufeff'].map((text) => Buffer.from(text))
  for (let round = 0; round < 200; round++) {
    const all = Buffer.concat(
      Array.from({ length: 30 }, () =>
        random(3) === 0 ? Buffer.of(random(256)) : samples[random(samples.length)]!,
      ),
    )
    const events: CastEvent[] = []
    for (let at = 0; at < all.length; ) {
      const length = 1 + random(5)
      const type = random(4) === 0 ? 'input' : 'output'
      events.push({ atMs: at, type, bytes: all.subarray(at, at + length) })
      at += length
    }
    const cast = { name: 'a.cast', ...size, events }
    for (const version of [2, 3] as const) {
      const again = parseCast(formatCast(cast, version), 'a.cast')
      for (const type of ['input', 'output'] as const)
        t.true(bytesOf(again, type).equals(bytesOf(cast, type)))
    }
  }
})

test('a character that came in pieces is one in the recording, so that players show it', (t) => {
  let text = ''
  const writer = new CastWriter((lines) => {
    text += lines
  })
  for (const [atMs, byte] of [0xe6, 0xbc, 0xa2].entries())
    writer.event({ atMs, type: 'output', bytes: Buffer.of(byte) })
  writer.end()
  t.is(text, '[0.002,"o","漢"]\n')
})

const mistakes: [string, RegExp][] = [
  ['', /^m\.cast: is empty$/],
  ['\n\n', /^m\.cast: is empty$/],
  ['no json\n', /^m\.cast:1: is no JSON: "no json"$/],
  ['{"version":1}\n', /^m\.cast:1: is no line of an asciicast: version/],
  ['{"version":2,"width":80}\n', /^m\.cast:1: is no line of an asciicast: height/],
  ['{"version":2,"width":1e9,"height":25}\n', /^m\.cast:1: .*width: Too big/],
  [`${head}[1,"o"]\n`, /^m\.cast:2: is no line of an asciicast/],
  [`${head}[1,"o",7]\n`, /^m\.cast:2: is no line of an asciicast: 2: /],
  [`${head}{"a":1}\n`, /^m\.cast:2: is no line of an asciicast/],
  [`${head}[-1,"o",""]\n`, /^m\.cast:2: .*0: Too small/],
  [`${head}[1e9,"o",""]\n`, /^m\.cast:2: .*0: Too big/],
  [`${head}[2,"o","a"]\n[1,"o","b"]\n`, /^m\.cast:3: time goes back$/],
  [`${head}[1,"o","\\ud800"]\n`, /^m\.cast:2: has a lone surrogate that is no byte/],
  [`${head}[1,"o","\\udc41"]\n`, /^m\.cast:2: has a lone surrogate that is no byte/],
  [`${head}[1,"o","x\n[2,"o","b"]\n`, /^m\.cast:2: is no JSON/],
  [`${head}${'['.repeat(100_000)}\n`, /^m\.cast:2: is no JSON: "\[{80}…"$/],
  [`${head}${'x'.repeat(9_000_000)}\n`, /^m\.cast:2: a line has at most 8388608 characters$/],
  [
    `{"version":3,"term":{"cols":80,"rows":25}}\n${'[600000,"o",""]\n'.repeat(3)}`,
    /^m\.cast:3: is longer than a week$/,
  ],
]

for (const [index, [text, message]] of mistakes.entries())
  test(`what is no recording is refused with its line (${index})`, (t) => {
    const error = t.throws(() => parseCast(text, 'm.cast'), { instanceOf: UsageError })
    t.regex(error!.message, message)
    t.true(error!.message.length < 400)
  })

test('a recording that a kill cut in its last line is read up to there', (t) => {
  const cast = parseCast(`${head}[1,"o","a"]\n[2,"o","b`, 'a.cast')
  t.is(bytesOf(cast).toString(), 'a')
})

test('files that can’t be read say so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-cast-'))
  try {
    await writeFile(join(folder, 'a.cast'), `${head}[1,"o","a"]\n`)
    t.is((await readCast(join(folder, 'a.cast'))).events.length, 1)
    const missing = join(folder, 'b.cast')
    const error = await t.throwsAsync(readCast(missing), { instanceOf: UsageError })
    t.is(error!.message, `${missing}: can't be read: no such file`)
    await t.throwsAsync(readCast(folder), { message: `${folder}: is not a regular file` })
    await t.throwsAsync(readCast('/dev/zero'), { message: '/dev/zero: is not a regular file' })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a recorder keeps both sides in order, with what came together in one event', (t) => {
  let text = ''
  const recorder = new CastRecorder({
    originNs: 1_000_000_000n,
    head: { ...size, title: 'b' },
    write: (lines) => {
      text += lines
    },
    secrets: ['hunter2'],
  })
  recorder.output(Buffer.from('log'), 1_001_000_000n)
  recorder.output(Buffer.from('in: '), 1_002_000_000n)
  recorder.input(Buffer.from('hunt'), 1_003_000_000n)
  recorder.input(Buffer.from('er2\n'), 1_500_000_000n)
  recorder.output(Buffer.from('hunter2?'), 1_501_000_000n)
  recorder.marker('console lost: unplugged', 2_000_000_000n)
  recorder.output(Buffer.from('hun'), 2_500_000_000n)
  recorder.end()
  t.deepEqual(text.trimEnd().split('\n').slice(1), [
    '[0.001,"o","login: "]',
    '[0.5,"i","*******\\n"]',
    '[0.501,"o","*******?"]',
    '[1,"m","console lost: unplugged"]',
    '[1,"o","hun"]',
  ])
})
