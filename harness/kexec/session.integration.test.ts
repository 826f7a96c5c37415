/** Real kernels on real QEMU machines: each way a kexec fails is made to happen, and must be told apart from the others. */
import test from 'ava'
import type { QemuDescriptor } from '../board/kinds.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { diagnosisOf, openSession, statesOfFile } from './session-fixture.ts'

// The boards of these tests differ in limits only.
const states = statesOfFile()

const unchecked: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }
const limits = (change: Partial<QemuDescriptor['limits']>) => (descriptor: QemuDescriptor) => ({
  ...descriptor,
  limits: { ...descriptor.limits, ...change },
})

test.serial(
  'a chain of kexecs is proven link by link, and a load error leaves the old kernel usable',
  async (t) => {
    const { session } = await openSession(t, { states })
    const first = await session.cycle(unchecked)
    t.true(first.proven, first.failure?.message)
    t.is(first.generation, 1)
    t.deepEqual(
      first.newHits.map(({ signature }) => signature.id),
      [],
      'a healthy kexec gives no finding',
    )
    for (const phase of ['loadMs', 'shutdownMs', 'gapMs', 'startupMs', 'userspaceMs', 'totalMs'] as const)
      t.true(first.phases[phase]! > 0, phase)
    t.true(first.gap!.toKernelStartMs! > 0)

    const refused = diagnosisOf(
      t,
      await session.cycle(
        { ...unchecked, syscall: 'kexec_file_load', checks: true },
        { append: 'x'.repeat(2100) },
      ),
    )
    t.is(refused.kind, 'load-error')

    const second = await session.cycle(unchecked)
    t.true(second.proven, second.failure?.message)
    t.is(second.generation, 2)
    t.not(second.after?.bootId, first.after?.bootId)
  },
)

test.serial('a kernel that panics is told from one that hangs, and the board is brought back', async (t) => {
  const { session, recoveries } = await openSession(t, { states })
  const diagnosis = diagnosisOf(t, await session.cycle(unchecked, { append: 'rdinit=/bin/false' }))
  t.is(diagnosis.kind, 'panic')
  t.regex(diagnosis.lastLines.join('\n'), /Kernel panic - not syncing/)
  t.is(session.running, undefined)
  await session.recover()
  t.regex(recoveries.join(), /^power cycle: the board went on from where an earlier cold boot had got to/)
  t.true((await session.cycle(unchecked)).proven)
})

test.serial(
  'a kernel whose console is lost is found alive, with its messages read back from memory',
  async (t) => {
    const { session } = await openSession(t, { states, change: limits({ startupMs: 30_000 }) })
    const diagnosis = diagnosisOf(t, await session.cycle(unchecked, { append: 'console=tty0' }))
    t.is(diagnosis.kind, 'lost-console')
    t.is(diagnosis.confidence, 'seen')
    t.regex(diagnosis.recoveredLog?.join('\n') ?? '', /HARNESS READY/)
    t.true((diagnosis.registers?.length ?? 0) > 0)
  },
)

test.serial('a machine that is reset in the gap did not kexec, whatever comes up after', async (t) => {
  const rebooting: ShellLoader['execute'] = (shell, _method, options) =>
    shell.run('echo b >/proc/sysrq-trigger', options)
  const { session } = await openSession(t, { states, loader: { execute: rebooting } })
  const diagnosis = diagnosisOf(t, await session.cycle(unchecked))
  t.is(diagnosis.kind, 'reset')
  t.regex(diagnosis.evidence.join('\n'), /guest-reset/)
})

test.serial(
  'what a kernel complains of on its way through a kexec, and on a cold boot does not, is new',
  async (t) => {
    // In two pieces, so that the echo of the command is not taken for it. The message goes through a real kernel's log and console; only its occasion is made up.
    const complaining: ShellLoader['execute'] = (shell, _method, options) =>
      shell.run(
        `echo 'watchdog: B''UG: soft lock''up - CPU#1 stuck for 22s! [sh:1]' >/dev/kmsg; kexec -e`,
        options,
      )
    const { session } = await openSession(t, { states, loader: { execute: complaining } })
    const cycle = await session.cycle(unchecked)
    t.true(cycle.proven, cycle.failure?.message)
    t.deepEqual(
      cycle.newHits.map(({ signature, phase, cpu }) => [signature.id, phase, cpu]),
      [['lockup-in-shutdown', 'shutdown', 1]],
    )
  },
)

test.serial('an execute that comes back is an error of the execute', async (t) => {
  const unloaded: ShellLoader['execute'] = (shell, _method, options) =>
    shell.run('kexec -u && kexec -e', options)
  const { session } = await openSession(t, { states, loader: { execute: unloaded } })
  const diagnosis = diagnosisOf(t, await session.cycle(unchecked))
  t.is(diagnosis.kind, 'exec-error')
  t.regex(diagnosis.evidence.join('\n'), /Nothing has been loaded/)
})

test.serial('silence in the gap is a hang there, with the registers of each CPU', async (t) => {
  const { session } = await openSession(t, {
    states,
    board: 'qemu-aarch64',
    change: limits({ gapMs: 2_000 }),
  })
  const diagnosis = diagnosisOf(t, await session.cycle({ ...unchecked, checks: true }))
  t.is(diagnosis.kind, 'hang-in-gap')
  t.regex(diagnosis.lastLines.at(-1) ?? '', /Bye!/)
  t.true((diagnosis.registers?.length ?? 0) > 0)
})

test.serial('an old kernel that never says its last line hangs in its shutdown', async (t) => {
  const stuck: ShellLoader['execute'] = (shell, _method, options) => shell.run('sleep 1000', options)
  const { session } = await openSession(t, {
    ...{ states, board: 'qemu-aarch64' },
    loader: { execute: stuck },
    change: limits({ shutdownMs: 3_000 }),
  })
  t.is(diagnosisOf(t, await session.cycle(unchecked)).kind, 'hang-in-shutdown')
})
