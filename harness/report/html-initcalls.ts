/** The part of report.html that shows what the new kernel's start spends its time on. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import { duration, shareText } from './format.ts'
import { callName, microseconds, type SlowCall, slowestInitcallsOf } from './initcalls.ts'
import { html, type SafeHtml } from './safe-html.ts'

/** null where no kernel told. */
export function initcallsSection(board: BoardSummary): SafeHtml | null {
  const found = slowestInitcallsOf(board)
  if (!found) return null
  const { cycle, count, phases, slowest } = found
  const longestUs = Math.max(1, ...slowest.map(({ us }) => us))
  return html`<h3>Slowest initcalls after the gap</h3>
<p class="quiet">Cycle ${cycle}, started with initcall_debug: ${count} initcalls; startup ${duration(phases.startupMs)}, user space ${duration(phases.userspaceMs)}. A probe runs inside of an initcall.</p>
<div class="scroll"><table><thead><tr><th>initcall or probe</th><th class="number">took</th><th class="number">share</th><th>of</th><th></th></tr></thead>
<tbody>${slowest.map((call) => row(call, longestUs))}</tbody></table></div>`
}

function row(call: SlowCall, longestUs: number): SafeHtml {
  const share = call.share === null ? '-' : shareText(call.share)
  return html`<tr><td class="mono">${callName(call)}</td><td class="number">${microseconds(call.us)}</td><td class="number">${share}</td><td>${call.phase === 'startup' ? 'startup' : 'user space'}</td>
<td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${share}"><rect class="${call.phase}" x="0" y="0" width="${Math.max(1, Math.round((call.us / longestUs) * 1000))}" height="10"></rect></svg></td></tr>
`
}
