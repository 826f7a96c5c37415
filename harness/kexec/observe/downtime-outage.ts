/** Finds the outage that a kexec made in the answers of a board. */
import { msBetween } from '../../clock.ts'
import type { Probe, ProbeLog } from '../../probe-log.ts'
import type { Downtime, Outage } from './downtime-record.ts'

/** What the console shows of a cycle; a line that did not come is undefined. */
export type Moments = {
  executeNs: bigint
  lastOldNs?: bigint | undefined
  firstNewNs?: bigint | undefined
}

const lateMs = 1_000

/** What each way of asking saw. */
export function downtimeOf(logs: { icmp: ProbeLog; tcp: ProbeLog }, moments: Moments): Downtime {
  return { icmp: outageOf(logs.icmp, moments), tcp: outageOf(logs.tcp, moments) }
}

type Answered = Probe & { answeredNs: bigint }

/** null where nothing was ever answered: there is no way to the board, or it does not answer this kind. */
export function outageOf(log: ProbeLog, moments: Moments): Outage | null {
  const { probes, duplicates } = log
  const answers = probes.filter(isAnswered).sort((one, other) => compare(one.answeredNs, other.answeredNs))
  if (answers.length === 0) return null
  const silence = longestSilence(answers, moments.executeNs)
  const borderNs = borderOf(moments) ?? silence?.middleNs
  const last = borderNs === undefined ? undefined : answers.findLast((one) => one.answeredNs <= borderNs)
  const first = borderNs === undefined ? undefined : answers.find((one) => one.answeredNs > borderNs)
  const after = (fromNs: bigint | undefined, answer: Answered | undefined) =>
    fromNs === undefined || answer === undefined ? null : msBetween(fromNs, answer.answeredNs)
  return {
    ...{ sent: probes.length, answered: answers.length, duplicates },
    late: answers.filter(({ sentNs, answeredNs }) => msBetween(sentNs, answeredNs) > lateMs).length,
    ms: after(last?.answeredNs, first),
    uncertaintyMs: last && first ? spacingMs(probes, last, first) : null,
    lastAnswerMs: after(moments.executeNs, last),
    firstAnswerMs: after(moments.executeNs, first),
    lastAfterLastLineMs: after(moments.lastOldNs, last),
    firstAfterFirstLineMs: after(moments.firstNewNs, first),
    longestSilenceMs: silence?.ms ?? null,
  }
}

function isAnswered(probe: Probe): probe is Answered {
  return probe.answeredNs !== null
}

/** Neither kernel answers in the middle of the gap, however late a line or an answer is seen at its ends. */
function borderOf({ lastOldNs, firstNewNs }: Moments): bigint | undefined {
  return lastOldNs === undefined || firstNewNs === undefined ? undefined : (lastOldNs + firstNewNs) / 2n
}

/** Between two answers of which the second came after the execute. */
function longestSilence(
  answers: readonly Answered[],
  executeNs: bigint,
): { ms: number; middleNs: bigint } | undefined {
  let longest: { ms: number; middleNs: bigint } | undefined
  for (const [index, { answeredNs: toNs }] of answers.entries()) {
    const fromNs = answers[index - 1]?.answeredNs
    if (fromNs === undefined || toNs <= executeNs) continue
    const ms = msBetween(fromNs, toNs)
    if (longest === undefined || ms > longest.ms) longest = { ms, middleNs: (fromNs + toNs) / 2n }
  }
  return longest
}

/**
 * The network went between the last answer and the next question, and came back between the first question that could have
 * been answered and the one before it.
 */
function spacingMs(probes: readonly Probe[], last: Answered, first: Answered): number {
  const next = probes[probes.indexOf(last) + 1] ?? last
  const before = probes[probes.indexOf(first) - 1] ?? first
  return msBetween(last.sentNs, next.sentNs) + msBetween(before.sentNs, first.sentNs)
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0
}
