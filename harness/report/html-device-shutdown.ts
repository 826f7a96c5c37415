/** The part of report.html that shows which devices' shutdown takes longest. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import { deviceShutdownsOf, type SlowDevice } from './device-shutdown.ts'
import { duration, shareText } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'

/** null where no shutdown was audited. */
export function deviceShutdownSection(board: BoardSummary): SafeHtml | null {
  const found = deviceShutdownsOf(board)
  if (!found) return null
  const { n, count, sumMs, slowest } = found
  const longestMs = Math.max(Number.MIN_VALUE, ...slowest.map(({ medianMs }) => medianMs))
  return html`<h3>Slowest device shutdowns before the gap</h3>
<p class="quiet">${count} devices, ${duration(sumMs)} together, in ${n} audited cycle${n === 1 ? '' : 's'}. Writing each device's line to the console counts.</p>
<div class="scroll"><table><thead><tr><th>device</th><th>driver</th><th class="number">${n === 1 ? 'took' : 'median'}</th>${n === 1 ? null : html`<th class="number">max</th>`}<th class="number">share</th><th></th></tr></thead>
<tbody>${slowest.map((one) => row(one, { longestMs, several: n > 1 }))}</tbody></table></div>`
}

function row(
  { device, driver, medianMs, maxMs, share }: SlowDevice,
  { longestMs, several }: { longestMs: number; several: boolean },
): SafeHtml {
  return html`<tr><td class="mono">${device}</td><td>${driver ?? '-'}</td><td class="number">${duration(medianMs)}</td>${several ? html`<td class="number">${duration(maxMs)}</td>` : null}
<td class="number">${shareText(share)}</td>
<td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${duration(medianMs)}"><rect class="shutdown" x="0" y="0" width="${Math.max(1, Math.round((medianMs / longestMs) * 1000))}" height="10"></rect></svg></td></tr>
`
}
