/** Tells apart how a kexec failed, from what the console, the machine and its CPUs show. */
import type { Board, Examination } from '../board/board.ts'
import type { HandoverStopped, Stage, StopReason } from './handover.ts'
import type { Diagnosis, DiagnosisKind } from './outcome.ts'

/** What is known when a cycle fails. */
export type Symptoms = {
  board: Board
  nonce: string
  /** The stage that the handover had reached; `load` before the execute. */
  stage: Stage | 'load'
  /** The limit of that stage, milliseconds. */
  stageLimitMs: number
  stopped: HandoverStopped | undefined
  failed: { kind: DiagnosisKind; message: string; facts: string[] } | undefined
  timeout: string | undefined
  /** Whether a bootloader's menu was to start the kernel. */
  fromMenu: boolean
}

type Verdict = Pick<Diagnosis, 'kind' | 'summary' | 'confidence'> & { facts?: string[] }

const keptLines = 30
const keptRecovered = 60

const stoppedBy: Record<Exclude<StopReason, 'stuck'>, { kind: DiagnosisKind; summary: string }> = {
  panic: { kind: 'panic', summary: 'the kernel panicked' },
  reset: { kind: 'reset', summary: 'the machine reset itself' },
  firmware: { kind: 'reset', summary: 'the machine went through its firmware, so it was reset' },
  'exec-error': { kind: 'exec-error', summary: 'the command that executes came back' },
  refused: { kind: 'refused', summary: 'the bootloader did not start the kernel' },
  'board-died': { kind: 'board-died', summary: 'the machine died' },
}

/** Looks at a board whose kexec failed and says what happened. Never throws for what it can't see. */
export async function diagnose(symptoms: Symptoms): Promise<Diagnosis> {
  const { board, stopped, timeout } = symptoms
  const lastLines = board.console.lastLines(keptLines)
  const examination = await examineUnlessPointless(symptoms)
  const verdict = judge(symptoms, examination)
  return {
    kind: verdict.kind,
    summary: verdict.summary,
    confidence: verdict.confidence,
    evidence: [
      ...(verdict.facts ?? []),
      ...(stopped ? [stopped.message] : []),
      ...(timeout ? [timeout] : []),
      ...describeExamination(examination),
    ],
    lastLines,
    registers: examination.registers,
    recoveredLog: examination.recoveredLog?.slice(-keptRecovered),
  }
}

async function examineUnlessPointless({ board, nonce, stage, stopped }: Symptoms): Promise<Examination> {
  if (
    stage === 'load' ||
    stopped?.reason === 'board-died' ||
    ['exec-error', 'refused'].includes(stopped?.reason ?? '')
  )
    return {}
  try {
    return await board.examine(nonce)
  } catch (error) {
    return { registers: [`could not look into the machine: ${(error as Error).message}`] }
  }
}

function judge(symptoms: Symptoms, examination: Examination): Verdict {
  const { failed, stopped } = symptoms
  if (failed) return { kind: failed.kind, summary: failed.message, confidence: 'seen', facts: failed.facts }
  if (stopped?.reason === 'stuck')
    return judgeSilence(symptoms, { ...examination, endlessLoop: stopped.message })
  if (stopped) {
    const { kind, summary } = stoppedBy[stopped.reason]
    // A bootloader's own words are the first that its maintainer wants to read.
    if (kind === 'refused') return { kind, summary: `${summary}: ${stopped.message}`, confidence: 'seen' }
    return { kind, summary: `${summary} ${during[symptoms.stage]}`, confidence: 'seen' }
  }
  return judgeSilence(symptoms, examination)
}

/** A silent machine: dead, stuck, panicked without a word, or alive and only its console lost. */
function judgeSilence(
  { stage, stageLimitMs, stopped, fromMenu }: Symptoms,
  { recoveredLog, alive, endlessLoop }: Examination,
): Verdict {
  const panicked = recoveredLog?.find((line) => line.includes('Kernel panic - not syncing'))
  const within = `within ${stageLimitMs / 1000} s`
  if (panicked)
    return {
      kind: 'panic',
      summary: `the new kernel panicked ${within} and its console did not show it`,
      confidence: 'seen',
      facts: [panicked],
    }
  if (recoveredLog && alive)
    return {
      kind: 'lost-console',
      summary: `the new kernel runs, but its console says nothing ${within}`,
      confidence: 'seen',
    }
  if (stage === 'load')
    return {
      kind: 'hang-in-kernel',
      summary: `the running kernel's shell did not answer ${within}, before anything was executed`,
      confidence: 'seen',
    }
  if (stage === 'shutdown' && fromMenu)
    return {
      kind: 'hang-in-loader',
      summary: `no kernel was started ${within} of the choice, and the bootloader does not say why`,
      confidence: 'inferred',
    }
  if (stage === 'shutdown')
    return {
      kind: 'hang-in-shutdown',
      summary: `the old kernel did not say its last line ${within} of the execute`,
      confidence: 'inferred',
    }
  // purgatory() of kexec-tools and of the kernel: `for (;;) {}` after a digest that does not match. Nothing else there does that.
  if (stage === 'gap' && !recoveredLog && endlessLoop)
    return {
      kind: 'purgatory-digest-mismatch',
      summary:
        "purgatory found that the new kernel's segments had changed since they were loaded, and stopped",
      confidence: 'seen',
      // What ended the wait is said already.
      facts: stopped ? [] : [endlessLoop],
    }
  if (stage === 'gap' && !recoveredLog)
    return {
      kind: 'hang-in-gap',
      summary: `no new-kernel output ${within} after the old kernel's last line`,
      confidence: 'inferred',
    }
  return {
    kind: 'hang-in-kernel',
    summary: `the new kernel started and was not ready ${within}`,
    confidence: 'inferred',
  }
}

const during: Record<Stage | 'load', string> = {
  load: 'during the load',
  shutdown: 'during the shutdown of the old kernel',
  gap: 'in the gap between the kernels',
  startup: "during the new kernel's start",
  userspace: "in the new kernel's user space",
  ready: 'after it was ready',
}

function describeExamination({ alive, recoveredLog }: Examination): string[] {
  const facts: string[] = []
  if (alive !== undefined)
    facts.push(
      alive
        ? 'a CPU runs user code or idles with interrupts on'
        : 'no CPU runs user code or idles with interrupts on',
    )
  if (recoveredLog)
    facts.push(
      `${recoveredLog.length} messages of the new kernel were read back from memory; the last: ${JSON.stringify(recoveredLog.at(-1) ?? '')}`,
    )
  return facts
}
