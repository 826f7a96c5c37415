import test from 'ava'
import { backtracksCatastrophically } from './backtracking.ts'
import { parsePattern } from './pattern.ts'

for (const source of [
  '(a+)+abcdef$',
  '(\\w+\\s?)+: failed',
  '(\\w|\\d)+end$',
  '(.*)*end of it',
  '.*x.*x.*x.*yyyyy',
  'start (?:[a-m]|[h-z])+ stop$',
  '(a|b|ab)*c: stop',
  '(x+x+)+y',
]) {
  test(`refuses ${source}`, (t) => {
    t.true(backtracksCatastrophically(parsePattern(source)))
  })
}

for (const source of [
  'kernel BUG at',
  'irq \\d+: nobody cared',
  '(ab)+c',
  'DMAR: \\[DMA (Read|Write)[^\\]]*\\] Request device \\[[^\\]]+\\].*fault addr',
  '(\\d{1,3}\\.){3}\\d{1,3}',
]) {
  test(`takes ${source}`, (t) => {
    t.false(backtracksCatastrophically(parsePattern(source)))
  })
}
