/** Numbers and names as every report shows them. */
import { wayOf } from '../journal/measured.ts'
import type { CycleSummary } from '../journal/summary-schema.ts'
import { duration, percent } from '../quantities.ts'
import { visibleLine } from './escape.ts'

export { duration, number, percent } from '../quantities.ts'

/** Two durations, the smaller first: `780 ms – 1.20 s`, `780 – 820 ms`, or one where they read the same. */
export function rangeText(lowMs: number, highMs: number): string {
  const [low, high] = [duration(lowMs), duration(highMs)]
  if (low === high) return low
  const unit = / [a-z]+$/.exec(high)?.[0] ?? ''
  // Minutes come with seconds behind them.
  const short = !low.includes('min') && !high.includes('min') && low.endsWith(unit)
  return `${short ? low.slice(0, -unit.length) : low} – ${high}`
}

/** A share of a whole, to a tenth of a per cent; what is there and too little to tell is `< 0.1 %`. */
export function shareText(share: number): string {
  return share > 0 && share < 0.0005 ? '< 0.1 %' : percent(Math.round(share * 1000) / 1000)
}

/** How the kernel was loaded, in kexec-tools' words: `kexec_load --no-checks`. */
export function loaderLabel({
  loader,
  syscall,
  checks,
  noIfdown = false,
}: Pick<CycleSummary, 'loader' | 'syscall' | 'checks'> & { noIfdown?: boolean | null }): string {
  return wayOf({ loader: visibleLine(loader, { maxLength: 40 }), syscall, checks, noIfdown })
}
