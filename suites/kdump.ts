/** A crash: is the capture kernel reached from it, how long does it take, and what does it make of devices at work? */
import { kdump } from '../harness/loader/kdump.ts'
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { load, unload } from './support/kexec-tools-steps.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('kdump', { observes: true, loader: kdump })
const iterations = suite.iterations(1)

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: suite.method.checks, ifdown: true },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

suite.test('a crash kernel stands by beside an ordinary one, and goes by itself', async (t, board) => {
  const [way] = ways
  const state = async () =>
    (await board.run('cat /sys/kernel/kexec_loaded /sys/kernel/kexec_crash_loaded')).output.split(/\s+/)
  await unload(board)
  const loaded = await load(board, way!, 'crash')
  t.is(loaded.loaded, true, loaded.output)
  t.deepEqual(await state(), ['0', '1'])
  await load(board, way!)
  t.deepEqual(await state(), ['1', '1'])
  await unload(board)
  t.deepEqual(await state(), ['0', '1'])
  await board.run('kexec -p -u')
  t.deepEqual(await state(), ['0', '0'])
})

for (const way of ways)
  suite.test(`a crash reaches the capture kernel with ${describeMethod(way)}`, async (t, board) => {
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const cycle = await board.kexec(way, { iteration, iterations })
      t.true(cycle.proven)
      // The gap is timed from the panic, not from a "Bye!" that only some architectures say after it.
      t.regex(cycle.gap?.lastLine ?? '', /Kernel panic - not syncing: sysrq triggered crash/)
    }
  })
