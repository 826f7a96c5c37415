/** The part of report.html that shows what devices did between the kernels. */
import type { BoardSummary, CycleSummary } from '../journal/summary-schema.ts'
import { duration } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'

type Observed = NonNullable<CycleSummary['observed']>
type Reading = Observed['readings'][number]

const methodNames: Record<Reading['method'], string> = {
  breakpoint: "stopped at purgatory's entry",
  polling: 'looked at in the gap',
  probe: "by the new kernel's first process",
}

/** Devices, shutdown and IPIs of each cycle that was observed; only the last one is unfolded. */
export function observedSection({ cycles }: BoardSummary): SafeHtml | null {
  const watched = cycles.flatMap((cycle) =>
    cycle.observed ? [{ cycle: cycle.cycle, observed: cycle.observed }] : [],
  )
  if (watched.length === 0) return null
  const parts = watched.map(({ cycle, observed }, index) => {
    const content = html`<summary>Cycle ${cycle}</summary>${observedDetails(observed)}`
    return index === watched.length - 1
      ? html`<details open="">${content}</details>`
      : html`<details>${content}</details>`
  })
  return html`<h3>Devices between the kernels</h3>${parts}`
}

function observedDetails({
  readings,
  disagreements,
  shutdown,
  canaryIntact,
  notes,
}: Observed): (SafeHtml | null)[] {
  const facts = [
    ...(canaryIntact === null
      ? []
      : [canaryIntact ? 'The memory canary is intact.' : 'The memory canary was changed.']),
    ...disagreements.map((text) => `Inspection and probe disagree: ${text}`),
    ...notes,
  ]
  return [
    ...readings.map(readingTable),
    shutdown && shutdownTable(shutdown),
    shutdown && ipiTable(shutdown),
    facts.length === 0 ? null : html`<ul>${facts.map((fact) => html`<li>${fact}</li>`)}</ul>`,
  ]
}

function readingTable({ method, stoppedMs, devices }: Reading): SafeHtml {
  const stopped = stoppedMs === undefined ? '' : `, the machine stopped for ${duration(stoppedMs)}`
  return html`<p class="quiet">${devices.length} PCI devices, ${methodNames[method]}${stopped}</p>
<div class="scroll"><table><thead><tr><th>device</th><th>id</th><th>family</th><th>driver before</th><th>bus master</th><th>engine</th><th>registers say</th></tr></thead>
<tbody>${devices.map(
    ({ address, id, family, drivers, busMaster, running, facts }) =>
      html`<tr><td class="mono">${address}</td><td class="mono">${id}</td><td>${family}</td><td>${drivers.join(', ') || '-'}</td>
<td>${busMaster ? html`<b>on</b>` : 'off'}</td><td>${running === null ? '?' : running ? html`<b>runs</b>` : 'stopped'}</td><td>${facts.join('; ')}</td></tr>`,
  )}</tbody></table></div>`
}

function shutdownTable({ devices }: NonNullable<Observed['shutdown']>): SafeHtml | null {
  if (devices.length === 0) return null
  return html`<details><summary>Shutdown of ${devices.length} devices, in order</summary>
<table><thead><tr><th>device</th><th>driver</th><th>has shutdown()</th><th class="number">took</th></tr></thead>
<tbody>${devices.map(
    ({ device, driver, hasShutdown, durationMs }) =>
      html`<tr><td class="mono">${device}</td><td>${driver ?? '-'}</td><td>${hasShutdown === null ? '?' : hasShutdown ? 'yes' : html`<b>no</b>`}</td>
<td class="number">${duration(durationMs)}</td></tr>`,
  )}</tbody></table></details>`
}

function ipiTable({ ipis }: NonNullable<Observed['shutdown']>): SafeHtml | null {
  if (ipis.length === 0) return null
  return html`<details><summary>Reschedule IPIs from the execute on</summary>
<table><thead><tr><th>from CPU</th><th>to CPU</th><th class="number">sent</th><th class="number">to an idle CPU</th><th class="number">to an offline CPU</th></tr></thead>
<tbody>${ipis.map(
    ({ source, target, count, idleCount, offlineCount }) =>
      html`<tr><td>${source ?? '?'}</td><td>${target}</td><td class="number">${count}</td><td class="number">${idleCount ?? '?'}</td><td class="number">${offlineCount}</td></tr>`,
  )}</tbody></table></details>`
}
