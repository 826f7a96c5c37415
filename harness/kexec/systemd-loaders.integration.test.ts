/** The loaders that ask a Debian with systemd for a kexec, on the real one. */
import test from 'ava'
import { debianReboot } from '../loader/debian-reboot.ts'
import { kexecTarget } from '../loader/kexec-target.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { systemctlKexec } from '../loader/systemctl-kexec.ts'
import { UnsupportedMethod } from './cycle-errors.ts'
import { diagnosisOf, openSession } from './session-fixture.ts'

const board = 'qemu-x86_64-systemd'
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
  const { session } = await openSession(t, { board, loader: systemctlKexec })
  for (const generation of [1, 2]) {
    const cycle = await session.cycle(unchecked)
    t.true(cycle.proven, cycle.failure?.message)
    t.is(cycle.generation, generation)
  }
  await t.throwsAsync(session.cycle({ ...unchecked, ifdown: false }), {
    instanceOf: UnsupportedMethod,
    message: /it knows no -x/,
  })

  const { session: empty } = await openSession(t, { board, loader: unloading(systemctlKexec) })
  const diagnosis = diagnosisOf(t, await empty.cycle(unchecked))
  t.is(diagnosis.kind, 'exec-error')
  t.regex(diagnosis.evidence.join('\n'), /No kexec kernel loaded and autodetection failed/)
})

test.serial('reboot with a loaded kernel is a kexec, and proven', async (t) => {
  const { session } = await openSession(t, { board, loader: debianReboot })
  const cycle = await session.cycle(unchecked)
  t.true(cycle.proven, cycle.failure?.message)
})

test.serial('kexec.target kexecs; with nothing loaded it reboots cold, which is no kexec', async (t) => {
  const { session } = await openSession(t, { board, loader: kexecTarget })
  const cycle = await session.cycle(unchecked)
  t.true(cycle.proven, cycle.failure?.message)

  const { session: empty } = await openSession(t, { board, loader: unloading(kexecTarget) })
  const diagnosis = diagnosisOf(t, await empty.cycle(unchecked))
  t.is(diagnosis.kind, 'reset')
  t.regex(diagnosis.lastLines.join('\n'), /\(sd-kexec\) failed with exit status 1.*Rebooting\./s)
})
