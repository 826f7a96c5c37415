import test from 'ava'
import type { Bisection, Tried } from './state.ts'
import { describeCriterion, endReport, progressLine } from './words.ts'

function tried(verdict: Tried['verdict'], why: string, gapMs?: number): Tried {
  const phases: Tried['phases'] =
    gapMs === undefined ? {} : { kexec_load: { gapMs: [gapMs], relocationMs: [gapMs / 2] } }
  const fault = verdict === 'skipped' ? 'board' : null
  return { verdict, why, fault, run: `/results/${why}`, durationMs: 30_000, phases }
}

const state: Bisection = {
  ...{
    schemaVersion: 1,
    startedAt: '2026-11-22T00:00:00.000Z',
    board: 'b',
    recipe: 'r',
    old: null,
    flags: {},
  },
  criterion: { type: 'slower', share: 0.2, ms: 50 },
  candidates: ['1', '2', '3', '4'].map((name) => ({
    name,
    kernel: { package: `linux-image-6.1.0-${name}-amd64`, version: name, suite: 'bookworm' },
  })),
  reversed: false,
  tried: { 1: tried('good', 'quick', 100), 4: tried('bad', 'slow', 900), 2: tried('skipped', 'no boot') },
  end: null,
}

test('what was found is told with what failed and which phases grew', (t) => {
  const text = endReport(
    { ...state, tried: { ...state.tried, 2: tried('good', 'fine', 100), 3: tried('bad', 'slow', 900) } },
    {
      ...{ type: 'found', lastGood: 1, firstBad: 2 },
    },
  )
  t.is(
    text,
    [
      'first bad: 3 (linux-image-6.1.0-3-amd64)',
      'last good: 2 (linux-image-6.1.0-2-amd64)',
      'tested:    4 of 4, in 2 min 0 s',
      'bad:       slow',
      'good:      fine',
      'grew:      gap 100 ms → 900 ms (+800 ms), kexec_load',
      'grew:      relocation 50 ms → 450 ms (+400 ms), kexec_load',
      'runs:      /results/fine (good)',
      '           /results/slow (bad)',
    ].join('\n'),
  )
})

test('where some can not be tested all that may be it are named, and what might help', (t) => {
  const text = endReport(state, { type: 'narrowed', lastGood: 0, firstBad: 3, culprits: [1, 2, 3] })
  t.regex(
    text,
    /^the first bad one is one of these 3; all but the last can not be tested:\n {2}2 .*\n {2}3 .*\n {2}4 /,
  )
  t.regex(text, /tested: {4}2 of 4, 1 could not be/)
  t.regex(text, /hint: .*--old KERNEL/)
})

test('a good kernel that is newer than the bad one is what mended it', (t) => {
  const text = endReport({ ...state, reversed: true }, { type: 'found', lastGood: 0, firstBad: 3 })
  t.regex(text, /so it was mended between 4 and 1/)
})

test('each step says how many are left', (t) => {
  t.is(
    progressLine(state, { type: 'test', index: 2, lastGood: 0, firstBad: 3, left: 2 }),
    '2 between 1 (good) and 4 (bad), about 2 to test: 3 is next',
  )
  t.is(
    describeCriterion(state.criterion),
    "bad is a gap that is longer than the good kernel's by more than 20 % and 50 ms",
  )
})
