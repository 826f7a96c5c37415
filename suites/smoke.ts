/** One cycle for each way of loading: does this kernel still kexec on this board? */
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('smoke')

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: false },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

suite.test('boots cold to a shell that answers', async (t, board) => {
  const kernel = await board.session.ensureRunning()
  t.regex(kernel.bootId, /^[0-9a-f-]{36}$/)
})

suite.test('unloads what it loaded', async (t, board) => {
  const { afterLoad, afterUnload, output } = await board.session.loadAndUnload(suite.method)
  t.is(afterLoad, true, `/sys/kernel/kexec_loaded after the load; the loader said: ${output}`)
  t.is(afterUnload, false, `/sys/kernel/kexec_loaded after the unload; the loader said: ${output}`)
})

for (const way of ways)
  suite.test(`kexecs with ${describeMethod(way)}`, async (t, board) => {
    const cycle = await board.kexec(way)
    t.true(cycle.proven)
  })
