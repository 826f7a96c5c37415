/** Cycles for tests of what is made of those of a real board. */
import { defaultThresholds } from '../../stats/compare.ts'
import type { Cycle, Setup } from './regressions-judge.ts'

export const setup: Setup = { name: 'board', accelerator: 'tcg', append: '', thresholds: defaultThresholds }

/** Cycles whose times vary by a few per cent; `planted` milliseconds are added to a phase or to a part of the gap. */
export function cyclesOf(
  n: number,
  random: () => number,
  planted: Record<string, number> = {},
  checks = false,
): Cycle[] {
  const about = (phase: string, ms: number) => ms * (0.97 + 0.06 * random()) + (planted[phase] ?? 0)
  return Array.from({ length: n }, (_, index): Cycle => {
    const gap = {
      ...{ relocationMs: about('relocationMs', 180), purgatoryMs: about('purgatoryMs', 1) },
      decompressMs: about('decompressMs', 300),
    }
    return {
      ...{ suite: 'regressions', loader: 'kexec-tools', syscall: 'kexec_load', checks, noIfdown: false },
      ...{ cycle: index + 1, kernel: '6.1.0-56-amd64', verdict: 'passed', proven: true, warmup: false },
      choice: null,
      phases: {
        ...{ loadMs: about('loadMs', 900), shutdownMs: about('shutdownMs', 80) },
        gapMs: gap.relocationMs + gap.purgatoryMs + gap.decompressMs,
        ...{ startupMs: about('startupMs', 3000), userspaceMs: about('userspaceMs', 4000) },
      },
      gap,
    }
  })
}
