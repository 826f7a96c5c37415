/** How fast a console is searched for signatures, beside Python's pexpect at the same work. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'
import { removeFolder } from '../../../qemu/sockets.ts'
import { LineSplitter } from '../../console/lines.ts'
import { loadCatalogue } from '../../detect/catalogue.ts'
import { Detector } from '../../detect/detector.ts'
import { createMatcher } from '../../detect/matcher.ts'
import type { Signature } from '../../detect/signature.ts'
import { LabError } from '../../errors.ts'
import { summarize } from '../../stats/summary.ts'
import { type BenchContext, type Benchmark, type Row, skipped, verdict } from './benchmark.ts'
import { kernelLog } from './kernel-log.ts'

const signatureCount = 60
const logBytes = 60_000_000
/** One line in so many shows a signature; no dump takes in so many. */
const plantEvery = 997
const chunkBytes = 65_536
const rounds = 5
const boundMbPerSecond = 100
const boundRatio = 10
const arch = 'x86_64'
const python = '/usr/bin/python3'

export const matching: Benchmark = {
  name: 'matching',
  about: `lines of a kernel log against ${signatureCount} signatures, as a run does it, and the same with pexpect`,
  run,
}

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  const signatures = comparable(await loadCatalogue())
  const planted = (index: number) => signatures[Math.floor(index / plantEvery) % signatures.length]!
  const log = kernelLog(logBytes, (index) =>
    index % plantEvery === plantEvery - 1 ? planted(index).example : undefined,
  )
  progress(`matching: ${(log.text.length / 1e6).toFixed(0)} MB, ${rounds} rounds`)
  const speeds: number[] = []
  for (let round = 0; round <= rounds; round++) {
    signal.throwIfAborted()
    speeds.push(log.text.length / 1e6 / detect(log.text, signatures))
  }
  const speed = summarize(speeds.slice(1))
  const own: Row = {
    benchmark: 'matching',
    figure: `${speed.median.toFixed(0)} MB/s`,
    bound: `≥ ${boundMbPerSecond} MB/s`,
    verdict: verdict(speed.median >= boundMbPerSecond),
    n: `${speed.n} × ${(log.text.length / 1e6).toFixed(0)} MB`,
    note: `bytes to lines to hits, ${signatures.length} signatures; min ${speed.min.toFixed(0)}, max ${speed.max.toFixed(0)} MB/s`,
  }
  return [own, await besidePexpect(log.text, signatures, speed.median, { progress, signal })]
}

/** Seconds that the harness's own path takes, from bytes to lines and from lines to hits. */
function detect(log: Buffer, signatures: Signature[]): number {
  const splitter = new LineSplitter()
  const detector = new Detector({ signatures, arch })
  const start = performance.now()
  for (let from = 0; from < log.length; from += chunkBytes)
    for (const line of splitter.push(log.subarray(from, from + chunkBytes), 0n)) detector.line(line, 'early')
  const found = detector.finish().length + detector.dropped
  const seconds = (performance.now() - start) / 1000
  const counting = new Set(signatures.filter(({ phases }) => phases === 'any' || phases.includes('early')))
  const wanted = hitsIn(log, signatures).filter((index) => counting.has(signatures[index]!)).length
  if (found !== wanted)
    throw new LabError(`${wanted} signatures are in the log and the detector found ${found}`)
  return seconds
}

/** Which signatures the log shows, line by line. */
function hitsIn(log: Buffer, signatures: Signature[]): number[] {
  const matcher = createMatcher(signatures)
  return new LineSplitter()
    .push(log, 0n)
    .flatMap(({ text }) => matcher.match(text).map((signature) => signatures.indexOf(signature)))
}

/** Signatures whose example shows just them and just once: pexpect can only tell one pattern at a place. */
function comparable(catalogue: Signature[]): Signature[] {
  const candidates = catalogue.filter(
    (one) =>
      (one.arch === 'any' || one.arch.includes(arch)) &&
      one.form !== 'trace' &&
      !one.expected &&
      // Python's patterns for bytes have no such escape.
      !one.pattern.includes('\\u'),
  )
  const matcher = createMatcher(candidates)
  const chosen = candidates
    .filter(
      ({ example, pattern }) =>
        matcher.match(example).length === 1 && [...example.matchAll(new RegExp(pattern, 'g'))].length === 1,
    )
    .slice(0, signatureCount)
  if (chosen.length < signatureCount)
    throw new LabError(
      `the catalogue has ${chosen.length} signatures to compare; this needs ${signatureCount}`,
    )
  return chosen
}

/**
 * pexpect with a window as its documentation recommends for much output, and with none, which is its default. The
 * window is as large as makes it fastest; reads are shorter, so that no match is lost between two.
 */
const settings = {
  window: { bytes: 6_000_000, maxread: 61_440, searchwindowsize: 65_536 },
  default: { bytes: 600_000, maxread: 2_000, searchwindowsize: 0 },
}

const pexpectResult = z.object({ seconds: z.number(), hits: z.array(z.number()) })

async function besidePexpect(
  log: Buffer,
  signatures: Signature[],
  ownSpeed: number,
  { progress, signal }: Pick<BenchContext, 'progress' | 'signal'>,
): Promise<Row> {
  const installed = await execa(python, ['-c', 'import pexpect'], { reject: false, cancelSignal: signal })
  signal.throwIfAborted()
  if (installed.failed)
    return skipped(
      'matching',
      'Python has no pexpect',
      'apt-get install --no-install-recommends python3-pexpect',
    )
  progress('matching: the same with pexpect')
  const windowed = await pexpectSpeed(log, signatures, settings.window, signal)
  const unwindowed = await pexpectSpeed(log, signatures, settings.default, signal)
  const ratio = ownSpeed / windowed
  return {
    benchmark: 'matching',
    figure: `${ratio.toFixed(0)} × pexpect`,
    bound: `≥ ${boundRatio} ×`,
    verdict: verdict(ratio >= boundRatio),
    n: `1 × ${settings.window.bytes / 1e6} MB`,
    note:
      `pexpect ${windowed.toFixed(2)} MB/s with a search window of ${settings.window.searchwindowsize} bytes, ` +
      `${unwindowed.toFixed(2)} MB/s with its default (over ${settings.default.bytes / 1e6} MB); both find the same hits`,
  }
}

/** MB/s of pexpect over the start of the log. Throws LabError when it does not find what the harness finds. */
async function pexpectSpeed(
  log: Buffer,
  signatures: Signature[],
  { bytes, maxread, searchwindowsize }: (typeof settings)['window'],
  signal: AbortSignal,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-bench-'))
  try {
    const part = log.subarray(0, log.indexOf('\n', bytes) + 1)
    const file = join(folder, 'log')
    await writeFile(file, part)
    const script = fileURLToPath(new URL('pexpect-matching.py', import.meta.url))
    const { stdout } = await execa(python, [script, file, String(maxread), String(searchwindowsize)], {
      input: JSON.stringify(signatures.map(({ pattern }) => pattern)),
      cancelSignal: signal,
    })
    const { seconds, hits } = pexpectResult.parse(JSON.parse(stdout))
    const own = hitsIn(part, signatures)
    if (JSON.stringify(hits) !== JSON.stringify(own))
      throw new LabError(`pexpect found ${hits.length} hits where the harness found ${own.length}`)
    return part.length / 1e6 / seconds
  } finally {
    await removeFolder(folder)
  }
}
