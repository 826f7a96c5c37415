/** A real kernel on a QEMU pseries machine: POWER's console, markers, registers and memory, as a session sees them. */
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { openSession } from './session-fixture.ts'

/** Undefined where a mirror has no packages of ppc64el, or this machine no QEMU of it. */
async function openPseries(t: ExecutionContext) {
  try {
    return await openSession(t, { board: 'qemu-ppc64le' })
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    t.log(`not run: ${error.message}`)
    t.pass()
    return undefined
  }
}

test('POWER kexecs, which its nonce proves, and a machine that runs is seen to live', async (t) => {
  const rig = await openPseries(t)
  if (!rig) return
  const { session, board } = rig
  const cycle = await session.cycle({ syscall: 'kexec_load', checks: true, ifdown: true })
  t.true(cycle.proven, cycle.failure?.message)
  t.deepEqual(
    cycle.newHits.map(({ signature }) => signature.id),
    [],
    'a healthy kexec gives no finding',
  )
  for (const phase of ['loadMs', 'shutdownMs', 'gapMs', 'startupMs'] as const)
    t.true(cycle.phases[phase]! > 0, phase)

  const { output } = await board.shell.run('cat /proc/cmdline', { timeoutMs: 60_000 })
  const nonce = /kexec_harness\.nonce=(\w+)/.exec(output)?.[1] ?? ''
  const { registers, alive, endlessLoop, recoveredLog } = await board.examine(nonce)
  t.is(registers?.length, 2)
  t.regex(registers?.[0] ?? '', /^CPU0: (supervisor|problem state), (kernel|user space), pc 0x/)
  t.true(alive)
  t.is(endlessLoop, undefined)
  t.regex(recoveredLog?.join('\n') ?? '', new RegExp(`Kernel command line: .*${nonce}`))
  t.regex(recoveredLog?.join('\n') ?? '', /HARNESS READY/)
})
