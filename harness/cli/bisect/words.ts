/** A bisection in words: each step as it ends, and what it came to. */
import { median } from 'simple-statistics'
import { comparablePhases, phaseLabel } from '../../journal/measured.ts'
import { difference, duration, percent } from '../../quantities.ts'
import type { Step } from './search.ts'
import type { Bisection, Candidate, Criterion, Tried } from './state.ts'

/** `6.1.177-1 (linux-image-6.1.0-51-cloud-amd64)`, or the file's name. */
export function describe({ name, kernel }: Candidate): string {
  return 'path' in kernel ? name : `${name} (${kernel.package})`
}

/** What makes a kernel bad. */
export function describeCriterion(criterion: Criterion): string {
  if (criterion.type === 'verdict') return 'bad is a kernel of which a test fails'
  if (criterion.type === 'gap') return `bad is a median gap of more than ${duration(criterion.ms)}`
  const least = [criterion.share > 0 && percent(criterion.share), criterion.ms > 0 && duration(criterion.ms)]
  return `bad is a gap that is longer than the good kernel's by more than ${least.filter(Boolean).join(' and ')}`
}

/** What was found of one kernel, and what is still to be done. */
export function stepLine(candidate: Candidate, { verdict, why, durationMs, run }: Tried): string {
  const words = verdict === 'skipped' ? 'can not be tested' : verdict
  return `${describe(candidate)}: ${words} (${duration(durationMs)}): ${why}${run === null ? '' : `\n  ${run}`}`
}

/** Before a test: how many are left, and about how many of them have to be tested. */
export function progressLine({ candidates }: Bisection, step: Extract<Step, { type: 'test' }>): string {
  const [good, bad, next] = [step.lastGood, step.firstBad, step.index].map((index) => candidates[index]!.name)
  const tests = Math.ceil(Math.log2(step.left + 1))
  return `${step.left} between ${good} (good) and ${bad} (bad), about ${tests} to test: ${next} is next`
}

/** The end, for a person. */
export function endReport(state: Bisection, step: Exclude<Step, { type: 'test' }>): string {
  const { candidates, tried } = state
  const [good, bad] = [candidates[step.lastGood]!, candidates[step.firstBad]!]
  const all = Object.values(tried)
  const skipped = all.filter(({ verdict }) => verdict === 'skipped').length
  const lines = [
    step.type === 'found' ? `first bad: ${describe(bad)}` : culpritLines(state, step),
    `last good: ${describe(good)}`,
    ...(state.reversed ? [`so it was mended between ${bad.name} and ${good.name}`] : []),
    `tested:    ${all.length - skipped} of ${candidates.length}${skipped === 0 ? '' : `, ${skipped} could not be`}, in ${duration(all.reduce((sum, { durationMs }) => sum + durationMs, 0))}`,
    `bad:       ${tried[bad.name]!.why}`,
    `good:      ${tried[good.name]!.why}`,
    ...grownPhases(tried[good.name]!, tried[bad.name]!).map((line) => `grew:      ${line}`),
    ...runLines(tried[good.name]!, tried[bad.name]!),
    ...(step.type === 'narrowed' && state.old === null && all.some(({ fault }) => fault === 'board')
      ? ["hint: what does not boot cold can be kexec'd from a kernel that does: --old KERNEL"]
      : []),
  ]
  return lines.join('\n')
}

function culpritLines({ candidates }: Bisection, { culprits }: { culprits: number[] }): string {
  const names = culprits.map((index) => `  ${describe(candidates[index]!)}`)
  return [
    `the first bad one is one of these ${culprits.length}; all but the last can not be tested:`,
    ...names,
  ].join('\n')
}

function runLines(good: Tried, bad: Tried): string[] {
  if (good.run === null || bad.run === null) return []
  return [`runs:      ${good.run} (good)`, `           ${bad.run} (bad)`]
}

/** The phases whose medians grew by more than 5 % and 20 ms, by way of loading; the largest first, three at most. */
function grownPhases(good: Tried, bad: Tried): string[] {
  const grown = Object.entries(bad.phases).flatMap(([way, after]) => {
    const before = good.phases[way] ?? {}
    return comparablePhases(before, after).map((phase) => {
      const [from, to] = [median(before[phase]!), median(after[phase]!)]
      return {
        by: to - from,
        from,
        text: `${phaseLabel(phase)} ${duration(from)} → ${duration(to)} (${difference(to - from)}), ${way}`,
      }
    })
  })
  return grown
    .filter(({ by, from }) => by > 20 && by > from * 0.05)
    .sort((left, right) => right.by - left.by)
    .slice(0, 3)
    .map(({ text }) => text)
}
