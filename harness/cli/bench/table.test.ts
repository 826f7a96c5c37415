import test from 'ava'
import { benchTable } from './table.ts'

const row = {
  benchmark: 'matching',
  figure: '90 MB/s',
  bound: '≥ 100 MB/s',
  verdict: 'too slow',
  n: '5',
} as const

test('figures stand in a table, and notes below it', (t) => {
  const text = benchTable([{ ...row, note: 'min 80, max 99 MB/s' }], { colour: false })
  t.regex(text, /matching +│ 90 MB\/s +│ ≥ 100 MB\/s +│ too slow/)
  t.is(text.split('\n').at(-1), 'matching: min 80, max 99 MB/s')
})

test('there is no colour unless asked for', (t) => {
  t.notRegex(benchTable([row], { colour: false }), /\x1b/)
  t.regex(benchTable([row], { colour: true }), /\x1b\[31mtoo slow/)
})
