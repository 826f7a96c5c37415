/** Recorded consoles: in the healthy ones nothing is found, in each failing one what is wrong with it. */
import { readdir, readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { parse } from 'yaml'
import { type Line, LineSplitter } from '../console/lines.ts'
import { loadCatalogue } from './catalogue.ts'
import { Detector } from './detector.ts'
import type { Phase } from './signature.ts'

type Healthy = { file: string; arch: string; kernel: string; generation: number; oldLines?: number }
type Failing = { file: string; arch: string; phase: Phase; how: string; signatures: string[] }

const signatures = await loadCatalogue()
const healthy = await manifest<Healthy>('healthy')
const failing = await manifest<Failing>('failures')

async function manifest<Entry>(folder: string): Promise<Entry[]> {
  return parse(await readFile(new URL(`fixtures/${folder}/manifest.yaml`, import.meta.url), 'utf8'))
}

async function linesOf(name: string): Promise<Line[]> {
  const bytes = gunzipSync(await readFile(new URL(`fixtures/${name}.txt.gz`, import.meta.url)))
  const splitter = new LineSplitter()
  return [...splitter.push(bytes, 7n), ...splitter.flush()]
}

/** What is found when all of the lines come in one phase: its signatures and lines. */
function detect(lines: readonly Line[], arch: string, phase: Phase): string[][] {
  const detector = new Detector({ signatures, arch })
  for (const line of lines) detector.line(line, phase)
  return detector.finish().map(({ signature, message }) => [signature.id, message])
}

test('the recordings are all there, of each kernel and architecture, cold and after a kexec', async (t) => {
  for (const [folder, entries] of [
    ['healthy', healthy],
    ['failures', failing],
  ] as const) {
    const files = await readdir(new URL(`fixtures/${folder}/`, import.meta.url))
    const recorded = files.filter((name) => name.endsWith('.gz')).map((name) => name.replace('.txt.gz', ''))
    t.deepEqual(entries.map(({ file }) => file).sort(), recorded.sort())
  }
  for (const arch of ['x86_64', 'arm64'])
    for (const release of ['5.10', '6.1', '6.12', '7.2']) {
      const generations = healthy
        .filter((one) => one.arch === arch && one.kernel.startsWith(`${release}.`))
        .map(({ generation }) => generation)
      t.true(generations.includes(0) && generations.includes(1), `${arch} ${release}`)
    }
})

for (const { file, arch, oldLines = 0 } of healthy) {
  test(`says nothing of the healthy ${file}, in no phase`, async (t) => {
    const lines = await linesOf(`healthy/${file}`)
    t.true(lines.length - oldLines > 150)
    const [before, after] = [lines.slice(0, oldLines), lines.slice(oldLines)]
    const execute = before.findIndex(({ text }) => text.includes('kexec -e'))
    t.deepEqual(detect(before.slice(0, execute), arch, 'load'), [], 'load')
    t.deepEqual(detect(before.slice(execute), arch, 'shutdown'), [], 'shutdown')
    for (const phase of ['early', 'probe', 'userspace'] as const)
      t.deepEqual(detect(after, arch, phase), [], phase)
  })
}

for (const { file, arch, phase, how, signatures: expected } of failing) {
  test(`${file}: ${how}`, async (t) => {
    const found = detect(await linesOf(`failures/${file}`), arch, phase)
    t.deepEqual(
      found.map(([id]) => id),
      expected,
    )
  })
}
