/** Which cycles an experiment on the gap runs: each differs in one thing from another, and none comes first always. */
import type { LoadMethod } from '../../loader/loader.ts'
import { seededRandom, shuffled } from '../../stats/random.ts'
import type { Condition } from './result.ts'

/** What the initramfs is made larger by, MiB. */
const paddingsMiB = [16, 32, 64] as const

export type Reference = Pick<LoadMethod, 'syscall' | 'checks'> & { earlyConsole: boolean }

type LeftOut = { differsIn: string; reason: string }

export type Plan = { conditions: Condition[]; leftOut: LeftOut[] }

/** A condition, and why the board can't do it. */
type Candidate = [Condition, string | undefined]

/** What a board can't do, as a sentence; undefined where it can. */
export type Cannot = {
  unchecked?: string | undefined
  fileLoad?: string | undefined
  padding?: string | undefined
  earlyConsole?: string | undefined
  otherCpus?: string | undefined
  crash?: string | undefined
}

/** All conditions that a board can do, the reference first, and why the others are left out. */
export function planExperiment(reference: Reference, cannot: Cannot): Plan {
  const plain = (change: Partial<Condition> & Pick<Condition, 'name' | 'differsIn'>): Condition => ({
    ...{ from: 'reference', padMiB: 0, append: '', crash: false, shownIn: 'gapMs' as const },
    ...reference,
    ...change,
  })
  const unchecked = { checks: false, name: 'unchecked', differsIn: 'no digest (--no-checks)' }
  // A short gap has less noise, and what is looked for here does not grow with the digest.
  const quickest = cannot.unchecked === undefined ? { from: 'unchecked', checks: false } : {}
  const short: typeof plain = (change) => plain({ ...quickest, ...change })
  const larger = (of: Partial<Condition> & { name: string }) =>
    paddingsMiB.map((padMiB) => {
      const digest = of.checks === false ? ', no digest' : ''
      const change = { ...of, padMiB, differsIn: `initramfs +${padMiB} MiB${digest}` }
      return plain({ ...change, from: of.name, name: `${of.name}+${padMiB}` })
    })
  const paddedUnchecked = cannot.unchecked ?? cannot.padding
  const fileLoad = plain({
    ...{ name: 'file-load', differsIn: 'kexec_file_load' },
    ...{ syscall: 'kexec_file_load', checks: true },
  })
  const candidates: Candidate[] = [
    [plain({ name: 'reference', from: null, differsIn: '' }), undefined],
    [plain(unchecked), cannot.unchecked],
    ...larger(unchecked).map((one): Candidate => [one, paddedUnchecked]),
    ...larger({ name: 'reference' }).map((one): Candidate => [one, cannot.padding]),
    ...(reference.syscall === 'kexec_load' ? [[fileLoad, cannot.fileLoad] satisfies Candidate] : []),
    [
      short({
        name: 'early-console',
        differsIn: `${reference.earlyConsole ? 'no ' : ''}early console`,
        earlyConsole: !reference.earlyConsole,
      }),
      cannot.earlyConsole,
    ],
    [
      short({ name: 'one-cpu', differsIn: 'maxcpus=1', append: 'maxcpus=1', shownIn: 'startupMs' }),
      cannot.otherCpus,
    ],
    [short({ name: 'quiet', differsIn: 'quiet', append: 'quiet', shownIn: 'totalMs' }), undefined],
    [short({ name: 'crash-kernel', differsIn: 'crash kernel', crash: true }), cannot.crash],
  ]
  return {
    conditions: candidates.flatMap(([one, reason]) => (reason === undefined ? [one] : [])),
    leftOut: candidates.flatMap(([{ differsIn }, reason]) =>
      reason === undefined ? [] : [{ differsIn, reason }],
    ),
  }
}

/** One block: every condition once, in an order of its own, so that what drifts hits all of them alike. */
export function orderOf<T>(conditions: readonly T[], seed: number, block: number): T[] {
  return shuffled(conditions, seededRandom(seed * 1_000 + block))
}
