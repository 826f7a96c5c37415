/** Numbers and names as every report shows them. */
import { wayOf } from '../journal/measured.ts'
import type { CycleSummary } from '../journal/summary-schema.ts'
import { visibleLine } from './escape.ts'

export { duration, number, percent } from '../quantities.ts'

/** How the kernel was loaded, in kexec-tools' words: `kexec_load --no-checks`. */
export function loaderLabel({
  loader,
  syscall,
  checks,
  noIfdown = false,
}: Pick<CycleSummary, 'loader' | 'syscall' | 'checks'> & { noIfdown?: boolean | null }): string {
  return wayOf({ loader: visibleLine(loader, { maxLength: 40 }), syscall, checks, noIfdown })
}
