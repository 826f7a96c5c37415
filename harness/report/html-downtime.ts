/** The part of report.html that shows for how long a board did not answer its network. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import { type DowntimeRow, downtimesOf, placeOf } from './downtime.ts'
import { duration } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'

/** null where nobody asked it. */
export function downtimeSection(board: BoardSummary): SafeHtml | null {
  const rows = downtimesOf(board)
  if (rows.length === 0) return null
  return html`<h3>Downtime, as its network shows it</h3><p class="quiet">From the old kernel's last answer to the new kernel's first, medians.
Too long by the uncertainty at most: how far the questions lie apart.</p>
<div class="scroll"><table><thead><tr><th>loader</th><th class="number">n</th><th class="number">ping</th><th class="number">TCP</th><th class="number">uncertainty</th>
<th class="number">gap</th><th class="number">execute to shell</th><th class="number">longest silence</th><th>where</th></tr></thead><tbody>${rows.map(rowOf)}</tbody></table></div>`
}

function rowOf(row: DowntimeRow): SafeHtml {
  return html`<tr><td>${row.loader}</td><td class="number">${row.n}</td><td class="number">${duration(row.pingMs)}</td><td class="number">${duration(row.tcpMs)}</td>
<td class="number">${duration(row.uncertaintyMs)}</td><td class="number">${duration(row.gapMs)}</td><td class="number">${duration(row.totalMs)}</td>
<td class="number">${duration(row.longestSilenceMs)}</td><td>${placeOf(row)}</td></tr>
`
}
