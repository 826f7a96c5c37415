import test from 'ava'
import { repeat, type Turn } from './repeat.ts'

/** The turns that were taken where the gaps are these in turn, the last one again and again. */
async function turns(asked: Parameters<typeof repeat>[0], gapsMs: readonly number[]): Promise<Turn[]> {
  const taken: Turn[] = []
  await repeat(asked, 5, (turn) => {
    taken.push(turn)
    const index = taken.filter(({ warmup }) => !warmup).length - 1
    return Promise.resolve(gapsMs[Math.min(index, gapsMs.length - 1)])
  })
  return taken
}

const plain = { iterations: null, precision: null, warmups: 0 }
const noisy = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 100 : 200))

test('a suite’s own number counts where nobody says another', async (t) => {
  t.is((await turns(plain, [100])).length, 5)
  const three = await turns({ ...plain, iterations: 3 }, [100])
  t.deepEqual(three.at(-1), { iteration: 3, iterations: 3, warmup: false })
})

test('warm-ups come first and are counted by themselves', async (t) => {
  const taken = await turns({ ...plain, iterations: 1, warmups: 2 }, [100])
  t.deepEqual(
    taken.map(({ iteration, iterations, warmup }) => [iteration, iterations, warmup]),
    [
      [1, 2, true],
      [2, 2, true],
      [1, 1, false],
    ],
  )
})

test('a steady gap is known after six cycles', async (t) => {
  t.is((await turns({ ...plain, precision: 0.05 }, [100, 101, 99, 100, 102, 100])).length, 6)
})

test('one wild value takes more cycles, and not all there may be', async (t) => {
  const { length } = await turns({ ...plain, precision: 0.05 }, [100, 900, 100, 101, 99, 100])
  t.true(length > 6 && length < 15, String(length))
})

test('a gap that won’t settle ends at the cap, or at the number that was given', async (t) => {
  t.is((await turns({ ...plain, precision: 0.05 }, noisy)).length, 50)
  t.is((await turns({ ...plain, precision: 0.05, iterations: 12 }, noisy)).length, 12)
})
