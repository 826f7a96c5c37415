/** The loaders that ask a whole Debian for a kexec, on real ones. */
import test from 'ava'
import { debianReboot } from '../loader/debian-reboot.ts'
import { kexecTarget } from '../loader/kexec-target.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { systemctlKexec } from '../loader/systemctl-kexec.ts'
import { UnsupportedMethod } from './cycle-errors.ts'
import { diagnosisOf, openSession } from './session-fixture.ts'

const systemd = 'qemu-x86_64-systemd'
const unchecked: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }

/** A loader that forgets to load: the load is undone before the shutdown is asked for. */
function unloading(loader: ShellLoader): ShellLoader {
  return {
    ...loader,
    async execute(shell, method, options) {
      await loader.unload(shell, method, options)
      return await loader.execute(shell, method, options)
    },
  }
}

test.serial('systemctl kexec is proven, twice in a row, and refuses where nothing is loaded', async (t) => {
  const { session } = await openSession(t, { board: systemd, loader: systemctlKexec })
  for (const generation of [1, 2]) {
    const cycle = await session.cycle(unchecked)
    t.true(cycle.proven, cycle.failure?.message)
    t.is(cycle.generation, generation)
  }
  await t.throwsAsync(session.cycle({ ...unchecked, ifdown: false }), {
    instanceOf: UnsupportedMethod,
    message: /it knows no -x/,
  })

  const { session: empty } = await openSession(t, { board: systemd, loader: unloading(systemctlKexec) })
  const diagnosis = diagnosisOf(t, await empty.cycle(unchecked))
  t.is(diagnosis.kind, 'exec-error')
  t.regex(diagnosis.evidence.join('\n'), /No kexec kernel loaded and autodetection failed/)
})

for (const [init, by] of [
  ['systemd', /Starting .*systemd-kexec\.service/],
  ['sysvinit', /Will now restart with kexec/],
] as const)
  test.serial(`reboot with a loaded kernel is a kexec with ${init}, and proven`, async (t) => {
    const { session, board } = await openSession(t, { board: `qemu-x86_64-${init}`, loader: debianReboot })
    const cycle = await session.cycle(unchecked)
    t.true(cycle.proven, cycle.failure?.message)
    t.regex(board.console.since(0), by, 'it is known who did it')
  })

test.serial('kexec.target kexecs; with nothing loaded it reboots cold, which is no kexec', async (t) => {
  const { session } = await openSession(t, { board: systemd, loader: kexecTarget })
  const cycle = await session.cycle(unchecked)
  t.true(cycle.proven, cycle.failure?.message)

  const { session: empty } = await openSession(t, { board: systemd, loader: unloading(kexecTarget) })
  const diagnosis = diagnosisOf(t, await empty.cycle(unchecked))
  t.is(diagnosis.kind, 'reset')
  t.regex(diagnosis.lastLines.join('\n'), /\(sd-kexec\) failed with exit status 1.*Rebooting\./s)
})
