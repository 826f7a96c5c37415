/** What the kexec'd kernel says and a cold boot of the same kernel did not, as findings. */
import type { Hit } from './detector.ts'
import { withoutStamp } from './dump.ts'
import { bySeverity, type Finding } from './finding.ts'
import type { Phase, Signature } from './signature.ts'

const pciAddress = '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]'
/** What differs from boot to boot. A PCI address does not, and tells one device from another. */
const varying = new RegExp(
  `(${pciAddress})|0x[0-9a-f]+|\\b(?=[0-9a-f]*[0-9])[0-9a-f]{6,}\\b|\\b[0-9a-f]{8}-[0-9a-f-]{27}\\b|\\d+`,
  'gi',
)

/** A message without what differs from boot to boot: stamps, addresses, process and CPU numbers, durations, counters. */
export function normalize(message: string): string {
  return withoutStamp(message)
    .replace(varying, (found, address: string | undefined) => (address === undefined ? '#' : found))
    .replace(/\s+/g, ' ')
    .trim()
}

/**
 * The hits beyond those of `control`, the cold boot of the same kernel. Each hit of the control takes away one like it,
 * so that a message that comes more often after a kexec is new; the phase and the trace may differ.
 */
export function onlyNew(hits: readonly Hit[], control: readonly Hit[]): Hit[] {
  const known = new Map<string, number>()
  for (const hit of control) known.set(keyOf(hit), (known.get(keyOf(hit)) ?? 0) + 1)
  return hits.filter((hit) => {
    const left = known.get(keyOf(hit)) ?? 0
    known.set(keyOf(hit), left - 1)
    return left <= 0
  })
}

function keyOf(hit: Hit): string {
  return `${hit.signature.id}\n${normalize(hit.message)}`
}

/**
 * One finding for hits of the same signature, phase, device and driver, most severe first. Its evidence is the first
 * hit's lines, and how often the others came.
 */
export function toFindings(hits: readonly Hit[], about: { board: string; generation: number }): Finding[] {
  const groups = Map.groupBy(hits, ({ signature, phase, device, driver }) =>
    JSON.stringify([signature.id, phase, device, driver]),
  )
  return [...groups.values()].map((group) => toFinding(group, about)).sort(bySeverity)
}

function toFinding(
  group: readonly Hit[],
  { board, generation }: { board: string; generation: number },
): Finding {
  const { signature, phase, device, driver, cpu, lines } = group[0]!
  const others = group.length - 1
  return {
    id: idOf(signature, phase),
    severity: signature.severity,
    phase,
    board,
    generation,
    device,
    driver,
    cpu: group.every((hit) => hit.cpu === cpu) ? cpu : null,
    confidence: 'seen',
    evidence: [...lines, ...(others > 0 ? [`and ${others} more like it`] : [])],
    advice: `${signature.meaning} ${signature.advice}`,
  }
}

/** What a signature shows from the handover on may have a name of its own; before, it is only what the signature says. */
function idOf({ id, finding }: Signature, phase: Phase): string {
  return finding === undefined || phase === 'load' || phase === 'shutdown' ? id : finding
}
