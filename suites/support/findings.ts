/** What a cycle shows to be wrong: new complaints of the kernel, what was observed, and the diagnosis of a failed one. */
import type { Descriptor } from '../../harness/board/descriptor.ts'
import { withDriver } from '../../harness/detect/binding.ts'
import { toFindings } from '../../harness/detect/compare.ts'
import { bySeverity, isSerious } from '../../harness/detect/finding.ts'
import type { ObservedFinding } from '../../harness/detect/handover-findings.ts'
import { KexecFailure } from '../../harness/errors.ts'
import type { Finding } from '../../harness/journal/events.ts'
import { adviceFor, phaseOf } from '../../harness/kexec/advice.ts'
import type { Evidence } from '../../harness/kexec/observe/observer.ts'
import type { Diagnosis } from '../../harness/kexec/outcome.ts'
import type { SessionCycle } from '../../harness/kexec/session.ts'

/** The findings of one cycle; what the board's owner allows is informational. */
export function findingsOf(cycle: SessionCycle, descriptor: Descriptor): Finding[] {
  const { newHits, observed, evidence, diagnosis, generation } = cycle
  const about = { board: descriptor.name, generation }
  const findings: Finding[] = [
    ...toFindings(newHits, about),
    ...observed.map((finding) => ({ ...about, ...finding })),
    ...(diagnosis ? [{ ...about, ...diagnosed(diagnosis, evidence) }] : []),
  ]
  return merged(evidence ? findings.map((finding) => withDriver(finding, evidence.bindings)) : findings).map(
    (finding) => withAllowance(finding, descriptor),
  )
}

/** A kexec that comes up and then complains of an error has failed all the same. */
export function failureOf(findings: readonly Finding[]): KexecFailure | undefined {
  const serious = findings.find(isSerious)
  if (!serious) return undefined
  const { id, device, driver, evidence, advice, board } = serious
  const where = [driver, device].filter((part) => part !== null).join(' ')
  return new KexecFailure([id, where, evidence[0]].filter(Boolean).join(': '), { hint: advice, board })
}

/** On arm64 a CPU goes offline only when its requests to disks are answered, and their controllers were just shut down. */
const hangsLater = 'every shutdown() had come back: it hangs while CPUs are taken offline, or later'

/** The failure of a cycle as a finding; of a shutdown that hangs, the device whose turn it was. */
function diagnosed(diagnosis: Diagnosis, evidence: Evidence | undefined): ObservedFinding {
  const last = diagnosis.kind === 'hang-in-shutdown' ? evidence?.shutdown?.last : undefined
  // One that has come back is not to blame.
  const culprit = last?.durationMs === null ? last : undefined
  return {
    id: diagnosis.kind,
    severity: 'fatal',
    phase: phaseOf(diagnosis.kind),
    device: culprit?.device ?? null,
    driver: culprit?.driver ?? null,
    cpu: null,
    confidence: diagnosis.confidence,
    evidence: [
      diagnosis.summary,
      ...(culprit
        ? [`the last shutdown that began: ${culprit.driver ?? 'no driver'} ${culprit.device}`]
        : []),
      ...(last && !culprit ? [hangsLater] : []),
      ...diagnosis.evidence,
    ],
    advice: adviceFor(diagnosis.kind),
  }
}

/**
 * One finding where the console and an observer saw the same thing: the more severe one, with the other's evidence.
 * That it is the same is known by device or CPU; the driver may be named by only one of them.
 */
function merged(findings: readonly Finding[]): Finding[] {
  const groups = Map.groupBy(findings, ({ id, device, driver, cpu }) =>
    JSON.stringify(device === null && cpu === null ? [id, driver] : [id, device, cpu]),
  )
  return [...groups.values()].map((group) => {
    const sorted = group.toSorted(bySeverity)
    return {
      ...sorted[0]!,
      driver: sorted.find(({ driver }) => driver !== null)?.driver ?? null,
      evidence: sorted.flatMap(({ evidence }) => evidence),
    }
  })
}

/** A finding that the board's owner allows stays in the record and fails nothing. */
function withAllowance(finding: Finding, { allow }: Descriptor): Finding {
  const today = new Date().toISOString().slice(0, 10)
  const allowed = allow.find(
    ({ signature, driver = finding.driver, until }) =>
      signature === finding.id && driver === finding.driver && until >= today,
  )
  if (!allowed) return finding
  return {
    ...finding,
    severity: 'info',
    evidence: [...finding.evidence, `allowed until ${allowed.until} by ${allowed.owner}: ${allowed.why}`],
  }
}
