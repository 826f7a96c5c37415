/** What it takes to read a rack: saturated serial consoles on one core, beside pexpect at the same work. */
import { mean, quantileSorted } from 'simple-statistics'
import { type BenchContext, type Benchmark, type Row, skipped, verdict } from './benchmark.ts'
import { hasPython } from './serial-python.ts'
import { allowedCpus, measureRound, type ReaderName, type Round, type RoundOptions } from './serial-round.ts'

const sizes = [
  { consoles: 16, boundMs: 1 },
  { consoles: 64, boundMs: 2 },
]
type Size = (typeof sizes)[number]
const rounds = 3
const seconds = 10
const warmUpSeconds = 2
/** A writer that is late more often than this writes in bursts, which cost a reader less than what comes steadily. */
const mostLate = 0.05

export const consoles: Benchmark = {
  name: 'consoles',
  about: `${sizes.map((size) => size.consoles).join(' and ')} saturated serial consoles at 115200 baud, read on one core`,
  run,
}

type Rounds = Record<ReaderName, Round[]>

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  if (!(await hasPython([], signal)))
    return [skipped('consoles', 'no /usr/bin/python3', 'apt-get install --no-install-recommends python3')]
  const allowed = await allowedCpus()
  // As far apart as they get.
  const cpus = { reader: allowed[0]!, writer: allowed.at(-1)! }
  if (cpus.reader === cpus.writer)
    return [
      { ...skipped('consoles', '', ''), note: 'this machine has one CPU; writer and reader need one each' },
    ]
  const pexpect = await hasPython(['pexpect', 'serial'], signal)
  const readers: ReaderName[] = pexpect ? ['harness', 'bare', 'pexpect'] : ['harness', 'bare']
  const rows: Row[] = []
  for (const size of sizes) {
    const measured: Rounds = { harness: [], bare: [], pexpect: [] }
    for (let round = 0; round < rounds; round++)
      for (const reader of turnAbout(readers, round)) {
        progress(`consoles: ${size.consoles}, round ${round + 1} of ${rounds}, ${reader}, ${seconds} s`)
        const options: RoundOptions = { reader, consoles: size.consoles, seconds, warmUpSeconds, cpus }
        measured[reader].push(await measureRound(options, signal))
      }
    rows.push(...toRows(size, measured))
  }
  return rows
}

/** Each is the first once, so that a machine that slows down slows all. */
function turnAbout(readers: ReaderName[], round: number): ReaderName[] {
  const first = round % readers.length
  return [...readers.slice(first), ...readers.slice(0, first)]
}

function toRows({ consoles, boundMs }: Size, { harness, bare, pexpect }: Rounds): Row[] {
  const name = `consoles, ${consoles}`
  const own = total(harness)
  const control = total(bare)
  // A bare reader that is late as well was kept waiting by the host.
  const noisy = (bad: boolean, controlBad: boolean) => (bad && controlBad ? 'too noisy' : verdict(!bad))
  const sent = `${(own.sentBytes / 1e6).toFixed(1)} MB`
  return [
    {
      benchmark: `${name}, stamps`,
      figure: `p99 ${own.p99.toFixed(2)} ms`,
      bound: `≤ ${boundMs} ms`,
      verdict: noisy(own.p99 > boundMs, control.p99 > boundMs),
      n: `${own.lines} lines`,
      note:
        `${rounds} rounds of ${seconds - warmUpSeconds} s, ${errorInWords(own)}; ` +
        `a bare reader in rounds between: ${errorInWords(control)}`,
    },
    {
      benchmark: `${name}, lost`,
      figure: `${own.lostBytes} bytes`,
      bound: '0 bytes',
      verdict: noisy(own.lostBytes > 0, control.lostBytes > 0),
      n: sent,
    },
    {
      benchmark: `${name}, CPU`,
      figure: `${percent(own.cpuShare)} of a core`,
      bound: '',
      verdict: own.lateShare > mostLate ? 'too noisy' : 'info',
      n: `${rounds} × ${seconds - warmUpSeconds} s`,
      note: `${late(own)}peak RSS ${mib(own)}; the bare reader ${percent(control.cpuShare)}, ${mib(control)}`,
    },
    pexpect.length > 0
      ? besidePexpect(name, own, total(pexpect))
      : skipped(
          `${name}, pexpect`,
          'Python has no pexpect or no pyserial',
          'apt-get install --no-install-recommends python3-pexpect python3-serial',
        ),
  ]
}

function besidePexpect(name: string, own: Total, pexpect: Total): Row {
  return {
    benchmark: `${name}, pexpect`,
    figure: `${(own.cpuShare / pexpect.cpuShare).toFixed(2)} × its CPU`,
    bound: '',
    verdict: Math.max(own.lateShare, pexpect.lateShare) > mostLate ? 'too noisy' : 'info',
    n: `${rounds} × ${seconds - warmUpSeconds} s`,
    note:
      `${late(pexpect)}pexpect on pyserial's ports takes ${percent(pexpect.cpuShare)} of a core and ${mib(pexpect)} and loses ${pexpect.lostBytes} bytes; ` +
      `its stamps: ${errorInWords(pexpect)}`,
  }
}

type Total = Omit<Round, 'errorsMs'> & { lines: number; median: number; p99: number; max: number }

function total(list: Round[]): Total {
  const sorted = list.flatMap(({ errorsMs }) => errorsMs).sort((left, right) => left - right)
  const sum = (of: (round: Round) => number) => list.reduce((before, round) => before + of(round), 0)
  return {
    sentBytes: sum((round) => round.sentBytes),
    lostBytes: sum((round) => round.lostBytes),
    cpuShare: mean(list.map(({ cpuShare }) => cpuShare)),
    peakRssBytes: Math.max(...list.map((round) => round.peakRssBytes)),
    lateShare: Math.max(...list.map(({ lateShare }) => lateShare)),
    lines: sorted.length,
    median: quantileSorted(sorted, 0.5),
    p99: quantileSorted(sorted, 0.99),
    max: sorted.at(-1)!,
  }
}

function errorInWords({ median, p99, max }: Total): string {
  return `median ${median.toFixed(3)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`
}

function late({ lateShare }: Total): string {
  return lateShare > mostLate ? `${percent(lateShare)} of the pieces were written late; ` : ''
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function mib({ peakRssBytes }: Total): string {
  return `${Math.round(peakRssBytes / 2 ** 20)} MiB`
}
