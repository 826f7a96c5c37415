/** What a kexec's own kernels can tell of their time: the old one of its devices' shutdown, the new one of its initcalls. */
import { timingShutdown } from '../../harness/kexec/observe/audit.ts'
import { initcallParameters, readingInitcalls } from '../../harness/kexec/observe/initcalls.ts'
import type { Suite } from './suite.ts'

/** Declares a test of one cycle in which both are made to talk. Talking takes time: the cycle is in no statistics. */
export function declareBootDetails(suite: Suite): void {
  suite.test('names the slowest device shutdowns and initcalls', async (t, board) => {
    const { record } = await board.kexec(suite.quickestMethod, {
      condition: 'initcall_debug',
      append: initcallParameters,
      observers: [timingShutdown(), readingInitcalls()],
    })
    if (!record?.shutdown?.devices.length && !record?.initcalls)
      suite.skip(record?.notes.join('; ') || 'nothing on this board can be asked')
    t.pass()
  })
}
