/** A real kernel with an initramfs that was made larger on its board. */
import test from 'ava'
import type { LoadMethod } from '../loader/loader.ts'
import { openSession } from './session-fixture.ts'

const unchecked: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }

test.serial(
  'a kernel boots with an initramfs of zeros added, and one without room is refused first',
  async (t) => {
    const { session, board } = await openSession(t, {})
    await session.ensureRunning()
    await t.throwsAsync(session.cycle(unchecked, { padInitramfsMiB: 4096 }), {
      name: 'UnsupportedMethod',
      message:
        /^no room for an initramfs that is 4096 MiB larger: it takes \d+ MiB of memory, \d+ MiB are available$/,
    })
    const cycle = await session.cycle(unchecked, { padInitramfsMiB: 16, earlyConsole: false })
    t.true(cycle.proven, cycle.failure?.message)
    t.false(cycle.gap?.earlyConsole)
    // Without its stamp: the shell takes stamped lines for what a kernel says in between.
    const { output } = await board.shell.run(
      "cat /proc/cmdline; ls /dev/shm /run /tmp; dmesg | sed -n 's/.*Freeing initrd memory/freed/p'",
      { timeoutMs: 60_000 },
    )
    t.notRegex(output, /earlyprintk|padded/)
    t.true(Number(/^freed: (\d+)K$/m.exec(output)?.[1]) >= 16 * 1024, output)
  },
)
