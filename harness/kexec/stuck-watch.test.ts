import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { watchForStuck } from './stuck-watch.ts'

/** A board that is found as these say, look after look, and then nowhere. */
function board(looks: (string | undefined)[]) {
  const state = { looks: 0, findEndlessLoop: async () => looks[state.looks++] }
  return state
}

test('a CPU at one jump to itself in two looks is stuck', async (t) => {
  const told = Promise.withResolvers<string>()
  using _watch = watchForStuck(board([undefined, 'CPU0 at 0x10', 'CPU0 at 0x10']), told.resolve, 1)
  t.is(await told.promise, 'CPU0 at 0x10')
})

test('one look, or two places, say nothing', async (t) => {
  const machine = board(['CPU0 at 0x10', 'CPU0 at 0x20', undefined, 'CPU0 at 0x20'])
  using _watch = watchForStuck(machine, (what) => t.fail(what), 1)
  while (machine.looks < 6) await sleep(1)
  t.pass()
})

test('a machine that can not be looked into, and a watch that is over, are quiet', async (t) => {
  using _none = watchForStuck({}, () => t.fail(), 1)
  const machine = {
    async findEndlessLoop(): Promise<string> {
      throw new Error('QEMU is gone')
    },
  }
  using _gone = watchForStuck(machine, () => t.fail(), 1)
  watchForStuck(board(['x', 'x']), () => t.fail(), 5)[Symbol.dispose]()
  await sleep(30)
  t.pass()
})
