/** The memory canary: a region that neither kernel uses. Whatever changes it was not asked to. */
import type { Board } from '../../board/board.ts'
import type { Descriptor } from '../../board/descriptor.ts'
import type { ObservedFinding } from '../../detect/handover-findings.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

export type CanaryRegion = NonNullable<Descriptor['canary']>

export type CanaryResult = {
  /** Physical address. */
  address: number
  sizeBytes: number
  /** Lines of 16 bytes that were changed. */
  changedLines: number
  /** The first of them: address and content, as `memtool md` prints them. */
  changed: string[]
}

/** 64 bits that no counter, pointer or ASCII text is. */
const pattern = 'a55a6b65786563c3'
/** Where the board keeps what it found, so that a region that was wiped does not flood the console. */
const findings = '/tmp/canary-changed'
const keptLines = 16

/** Fills the region in the old kernel and looks at it in the new one. */
export function watchingCanary(region: CanaryRegion): Observer {
  const { address, sizeBytes } = region
  const start = `0x${address.toString(16)}`
  let filled = false
  return {
    // memtool maps /dev/mem, which reads and writes of that file can't replace: on arm64 they refuse what is not RAM.
    async prepare({ board, evidence, signal }) {
      const words = sizeBytes / 8
      const fill = `memtool mw -q ${start} $(yes 0x${pattern} | head -n ${words})`
      filled = await isReserved(board, region, signal)
      if (filled) filled = (await run(board, fill, signal)).status === 0
      if (!filled)
        evidence.notes.push(`the memory canary at ${start} can't be used: no memtool, or it is RAM`)
    },
    async finish({ board, evidence, signal }, ready) {
      if (!filled || !ready) return
      const read = `memtool md -q ${start}+0x${sizeBytes.toString(16)} >${findings}.all`
      const compare = `grep -v ': ${pattern} ${pattern}' ${findings}.all >${findings}`
      const tell = `wc -l <${findings}; head -n ${keptLines} ${findings}`
      const { status, output } = await run(board, `${read} && { ${compare}; ${tell}; }`, signal)
      const [count, ...lines] = output.trim().split('\n')
      if (status !== 0 || !/^\d+$/.test(count!))
        evidence.notes.push(`the memory canary at ${start} can't be read in the new kernel`)
      else
        evidence.canary = {
          address,
          sizeBytes,
          changedLines: Number(count),
          // The rest of a line shows bytes as characters, of which a report has no use.
          changed: lines.map((line) => /^[0-9a-f]+: [0-9a-f]{16} [0-9a-f]{16}/.exec(line)?.[0] ?? '?'),
        }
    },
  }
}

/** Memory that the running kernel uses must never be filled: a wrong `reserve` would destroy it. */
async function isReserved(
  board: Board,
  { address, sizeBytes }: CanaryRegion,
  signal: AbortSignal,
): Promise<boolean> {
  const { output } = await run(board, `grep 'System RAM' /proc/iomem`, signal)
  const ranges = [...output.matchAll(/^([0-9a-f]{1,16})-([0-9a-f]{1,16}) : System RAM/gm)].map(
    ([, from, to]) => [Number.parseInt(from!, 16), Number.parseInt(to!, 16)] as const,
  )
  return ranges.length > 0 && ranges.every(([from, to]) => to < address || from >= address + sizeBytes)
}

function run(board: Board, command: string, signal: AbortSignal) {
  return board.shell.run(command, { timeoutMs: commandTimeoutMs, signal })
}

/** `suspects` are what was found to master the bus: where it is one device, it is most likely the one. */
export function canaryFindings(
  { address, sizeBytes, changed, changedLines }: CanaryResult,
  suspects: readonly ObservedFinding[],
): ObservedFinding[] {
  if (changedLines === 0) return []
  const [suspect] = suspects.length === 1 ? suspects : []
  const region = `${sizeBytes / 1024} KiB at 0x${address.toString(16)}, which neither kernel uses`
  return [
    {
      id: 'dma-after-bye',
      severity: 'error',
      phase: 'handover',
      device: suspect?.device ?? null,
      driver: suspect?.driver ?? null,
      cpu: null,
      confidence: suspect ? 'inferred' : 'seen',
      evidence: [
        `something wrote into the memory canary (${region}): ${changedLines} of ${sizeBytes / 16} lines differ`,
        ...changed,
        ...(suspect ? [`${suspect.device} is the one device that could: ${suspect.evidence[0]}`] : []),
      ],
      advice:
        'A device went on writing into memory after the old kernel had let go of it. See which device masters the bus at the handover, or repeat with --bisect-drivers.',
    },
  ]
}
