/** A plot of points and lines as SVG, for a page of reports or a file of its own: no script, no style sheet. */
import { number } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'

type Series = {
  /** What the legend says. */
  name: string
  points: readonly { x: number; y: number }[]
  /** A straight line over the whole width; null: none. */
  line?: { intercept: number; slope: number } | null | undefined
  /** True connects the points in their order. */
  connected?: boolean
}

type Plot = {
  title: string
  /** What the axes say, with their units. */
  xLabel: string
  yLabel: string
  series: readonly Series[]
  width?: number
  height?: number
}

const margin = { left: 64, right: 16, top: 14, bottom: 44 }
const legendRow = 18
/** Told apart also without colour vision, and readable on light and on dark (Okabe and Ito). */
const colours = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const ink = '#7a8590'

/** Both axes begin at zero, or below it where a value does. Nothing to show is an empty plot. */
export function plot({ title, xLabel, yLabel, series, width = 720, height = 320 }: Plot): SafeHtml {
  const all = series.flatMap(({ points }) => points)
  const x = axis(
    all.map((point) => point.x),
    [margin.left, width - margin.right],
  )
  const ys = series.flatMap(({ points, line }) => [
    ...points.map(({ y }) => y),
    ...(line ? [line.intercept, line.intercept + line.slope * x.high] : []),
  ])
  const y = axis(ys, [height - margin.bottom, margin.top])
  const total = height + series.length * legendRow
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<g stroke="${ink}" stroke-opacity="0.3">${y.ticks.map((tick) => html`<line x1="${margin.left}" x2="${width - margin.right}" y1="${y.at(tick)}" y2="${y.at(tick)}"/>`)}</g>
<g fill="${ink}">${y.ticks.map((tick) => html`<text x="${margin.left - 8}" y="${y.at(tick) + 4}" text-anchor="end">${number(tick)}</text>`)}
${x.ticks.map((tick) => html`<text x="${x.at(tick)}" y="${height - margin.bottom + 18}" text-anchor="middle">${number(tick)}</text>`)}
<text x="${(margin.left + width - margin.right) / 2}" y="${height - 6}" text-anchor="middle">${xLabel}</text>
<text transform="translate(14 ${(height - margin.bottom + margin.top) / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text></g>
<path d="M${margin.left} ${margin.top}V${height - margin.bottom}H${width - margin.right}" fill="none" stroke="${ink}"/>
${series.map((one, index) => drawn(one, { x, y, colour: colourOf(index) }))}
${series.map(({ name }, index) => legend(name, colourOf(index), height + index * legendRow))}
</svg>`
}

type Axis = { high: number; ticks: number[]; at: (value: number) => number }

function drawn(
  { points, line, connected }: Series,
  { x, y, colour }: { x: Axis; y: Axis; colour: string },
): SafeHtml {
  const path = (ends: readonly { x: number; y: number }[]) =>
    html`<polyline points="${ends.map((end) => `${x.at(end.x)},${y.at(end.y)}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`
  const fit = line && [0, x.high].map((at) => ({ x: at, y: line.intercept + line.slope * at }))
  return html`<g>${fit ? path(fit) : null}${connected ? path(points) : null}${points.map(
    (point) =>
      html`<circle cx="${x.at(point.x)}" cy="${y.at(point.y)}" r="3.5" fill="${colour}" fill-opacity="0.75"><title>${number(point.x)}, ${number(point.y)}</title></circle>`,
  )}</g>`
}

function legend(name: string, colour: string, y: number): SafeHtml {
  return html`<rect x="${margin.left}" y="${y}" width="10" height="10" fill="${colour}"/><text x="${margin.left + 16}" y="${y + 9}" fill="${ink}">${name}</text>`
}

function colourOf(index: number): string {
  return colours[index % colours.length]!
}

const wantedTicks = 6

/** Ends at round numbers: 1, 2 or 5 times a power of ten. `from` and `to` are pixels. */
function axis(values: readonly number[], [from, to]: [number, number]): Axis {
  const lowest = values.reduce((least, value) => Math.min(least, value), 0)
  const highest = values.reduce((most, value) => Math.max(most, value), 0)
  const rough = (highest - lowest || 1) / wantedTicks
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough)!
  const [first, last] = [Math.floor(lowest / step), Math.max(1, Math.ceil(highest / step))]
  const low = first * step
  const high = last * step
  return {
    high,
    ticks: Array.from({ length: last - first + 1 }, (_, index) =>
      Number(((first + index) * step).toPrecision(12)),
    ),
    at: (value) => Math.round((from + ((value - low) / (high - low)) * (to - from)) * 10) / 10,
  }
}
