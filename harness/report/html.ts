/** report.html: one file that opens from disk, without scripts and without anything from the network. */
import { createHash } from 'node:crypto'
import { bySeverity } from '../detect/finding.ts'
import type { Finding } from '../journal/events.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { duration } from './format.ts'
import { boardSection, failureCard, list, verdictMark } from './html-board.ts'
import { ScreenGallery } from './html-screens.ts'
import { styleSheet } from './html-style.ts'
import { overviewRows } from './rows.ts'
import { html, SafeHtml } from './safe-html.ts'

// Only this very style sheet and pictures within the page are allowed, so that no text from a console can style, script or
// load anything.
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(styleSheet).digest('base64')}'; img-src data:; base-uri 'none'; form-action 'none'`

/** The whole page. Pure; every text from a console is escaped. */
export function reportHtml(summary: RunSummary): string {
  const screens = new ScreenGallery()
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policy}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${summary.verdict}: kexec run ${summary.run}</title>
<style>${new SafeHtml(styleSheet)}</style>
</head>
<body>
<header>
<h1>${verdictMark(summary.verdict)} ${summary.run}</h1>
${about(summary)}
</header>
<main>
${summary.complete ? null : html`<div class="card interrupted"><p>The journal has no end of this run: it was killed, or it still goes on. This is what it had until then.</p></div>`}
${summary.failure ? failureCard('error', 'The run', summary.failure) : null}
${overview(summary)}
${findings(summary.findings.toSorted(bySeverity))}
${summary.boards.map((board) => boardSection(board, screens))}
${notes(summary)}
</main>
</body>
</html>
`.markup
}

function about({ command, startedAt, durationMs, totals, host }: RunSummary): SafeHtml {
  const counts = `${totals.tests} test${totals.tests === 1 ? '' : 's'}: ${totals.passed} passed, ${totals.failed} failed, ${totals.errors} errors, ${totals.skipped} skipped, ${totals.interrupted} interrupted`
  const by = host ? ` · harness ${host.harness} on Node ${host.node}, ${host.cpus} CPUs` : ''
  return html`<p><code>${command}</code></p>
<p class="quiet">${startedAt?.replace(/\.\d+Z$/, 'Z') ?? 'at an unknown time'} · ${duration(durationMs)}${by}</p>
<p>${counts}. ${totals.proven} of ${totals.cycles} kexecs proven.</p>`
}

function overview(summary: RunSummary): SafeHtml {
  const rows = overviewRows(summary).map(
    (
      row,
    ) => html`<tr><td>${row.board}</td><td>${row.kernel ?? '-'}</td><td>${row.loader ?? '-'}</td><td class="number">${row.proven}/${row.cycles}</td>
<td class="number">${duration(row.gapMedianMs)}</td><td class="number">${duration(row.gapP95Ms)}</td><td class="number">${duration(row.startupMedianMs)}</td><td>${verdictMark(row.verdict)}</td></tr>
`,
  )
  if (rows.length === 0) return html`<p>No board got as far as a kexec.</p>`
  return html`<div class="scroll"><table><thead><tr><th>board</th><th>kernel</th><th>loader</th><th class="number">proven</th><th class="number">gap median</th><th class="number">gap p95</th><th class="number">startup</th><th>verdict</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function findings(all: readonly Finding[]): SafeHtml | null {
  if (all.length === 0) return null
  const groups = Map.groupBy(all, ({ id, board, device, driver, cpu, severity }) =>
    JSON.stringify([id, board, device, driver, cpu, severity]),
  )
  return html`<section><h2>Findings</h2>${[...groups.values()].map(findingCard)}</section>`
}

function findingCard(group: readonly Finding[]): SafeHtml {
  const { id, severity, phase, board, device, driver, cpu, confidence, evidence, advice, test } = group[0]!
  const where = [
    device,
    driver && `driver ${driver}`,
    cpu === null ? null : `CPU ${cpu}`,
    phase,
    test,
  ].filter(Boolean)
  const times = group.length > 1 ? ` · ${group.length} times` : ''
  return html`<div class="card ${severity}"><p><b>${id}</b> <span class="${severity}">${severity}</span> on ${board}
<span class="quiet">${where.join(' · ')} · ${confidence}${times}</span></p><p>${advice}</p>
${evidence.length === 0 ? null : html`<details><summary>Evidence (${evidence.length})</summary><pre>${evidence.join('\n')}</pre></details>`}</div>`
}

function notes({ notes: all }: RunSummary): SafeHtml | null {
  if (all.length === 0) return null
  const lines = all.map(({ board, text }) => (board ? `${board}: ${text}` : text))
  return html`<section><h2>Notes</h2>${list(lines)}</section>`
}
