import test from 'ava'
import { plot } from './plot.ts'

const about = { title: 'gap', xLabel: 'MiB', yLabel: 'seconds' }

/** What an element's attribute says, for each element that has it. */
function attributes(markup: string, element: string, name: string): number[] {
  return [...markup.matchAll(new RegExp(`<${element} [^>]*?\\b${name}="([^"]+)"`, 'g'))].map((found) =>
    Number(found[1]),
  )
}

test('points are where the axes say', (t) => {
  const points = [0, 16, 32, 64].map((x) => ({ x, y: 1 + x / 16 }))
  const { markup } = plot({
    ...about,
    series: [{ name: 'one', points, line: { intercept: 1, slope: 1 / 16 } }],
  })
  const [xs, ys] = [attributes(markup, 'circle', 'cx'), attributes(markup, 'circle', 'cy')]
  t.is(xs.length, 4)
  t.true(Math.abs((xs[3]! - xs[0]!) / (xs[2]! - xs[0]!) - 2) < 0.01, 'twice as many MiB are twice as far')
  t.true(
    ys.every((y, index) => index === 0 || y < ys[index - 1]!),
    'more is higher up',
  )
  const line = /<polyline points="([\d.,-]+) ([\d.,-]+)"/.exec(markup)!
  const [from, to] = [line[1]!, line[2]!].map((end) => end.split(',').map(Number))
  const at = (x: number) => from![1]! + ((x - from![0]!) / (to![0]! - from![0]!)) * (to![1]! - from![1]!)
  for (const [index, x] of xs.entries())
    t.true(Math.abs(at(x) - ys[index]!) < 0.5, 'the line goes through them')
})

test('ticks are round numbers that hold all values', (t) => {
  const { markup } = plot({
    ...about,
    series: [
      {
        name: 'one',
        points: [
          { x: 3, y: -0.7 },
          { x: 61, y: 8.3 },
        ],
      },
    ],
  })
  const ticks = [...markup.matchAll(/<text x="56"[^>]*>([^<]+)</g)].map((found) => Number(found[1]))
  t.deepEqual(ticks, [-2, 0, 2, 4, 6, 8, 10])
})

test('nothing to show is a plot all the same', (t) => {
  for (const series of [[], [{ name: 'none', points: [] }], [{ name: 'flat', points: [{ x: 0, y: 0 }] }]])
    t.notRegex(plot({ ...about, series }).markup, /NaN|Infinity|undefined/)
})

test('names can not become markup', (t) => {
  const { markup } = plot({
    title: '<a>',
    xLabel: '"',
    yLabel: '&',
    series: [{ name: '<script>', points: [] }],
  })
  t.notRegex(markup, /<script>|<a>/)
})
