/** A board of the rig that no longer answers on its shell is asked by BREAK and sysrq, says what its CPUs do, and reboots. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ConsoleKeeper } from '../../board/console-keeper.ts'
import { loadDescriptor } from '../../board/descriptor.ts'
import type { RealDescriptor } from '../../board/kinds.ts'
import { LabBoard } from '../../board/lab-board.ts'
import { loadCatalogue } from '../../detect/catalogue.ts'
import { loadMarkers } from '../../kexec/markers.ts'
import { KexecSession } from '../../kexec/session.ts'
import { kexecTools } from '../../loader/kexec-tools.ts'
import type { ShellLoader } from '../../loader/loader.ts'
import { Workspace } from '../command-fixture.ts'
import { Hold } from './hold.ts'

type OnRig = {
  session: KexecSession
  board: LabBoard
  recoveries: [string, string, boolean][]
  folder: string
}

/** Puts a board on a rig of its own and opens it as a run does. */
async function openOnRig(
  t: ExecutionContext,
  file: string,
  loader: Partial<ShellLoader>,
): Promise<OnRig | undefined> {
  const resources = new AsyncDisposableStack()
  t.teardown(() => resources.disposeAsync())
  const { signal } = new AbortController()
  const written = await loadDescriptor(file, '.')
  const hold = resources.use(
    await Hold.take([written], { command: 'a test', progress: (text) => t.log(text), signal }),
  )
  const descriptor = hold.descriptor(written.name)
  if (!descriptor) {
    t.log(`not run: ${hold.refused.get(written.name)?.message}`)
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'recovery-test-'))
  resources.defer(() => rm(folder, { recursive: true }))
  const originNs = process.hrtime.bigint()
  const onFailure = (error: Error) => t.fail(error.message)
  resources.use(await ConsoleKeeper.open({ descriptor, folder, originNs, onFailure }, signal))
  const board = resources.use(
    await LabBoard.open({ descriptor, run: folder, log: (text) => t.log(text), signal }),
  )
  return { ...(await sessionOn(board, descriptor, loader)), board, folder }
}

async function sessionOn(board: LabBoard, { arch, markers }: RealDescriptor, loader: Partial<ShellLoader>) {
  const recoveries: [string, string, boolean][] = []
  const session = new KexecSession({
    board,
    loader: { ...kexecTools, ...loader },
    markers: await loadMarkers(arch, markers),
    loadSignatures: loadCatalogue,
    listener: {
      bootStarted: () => {},
      bootEnded: () => {},
      mark: () => {},
      recovery: (...step) => recoveries.push(step),
    },
    signal: new AbortController().signal,
  })
  return { session, recoveries }
}

test('sysrq says what a hung kernel does, and reboots it without touching its power', async (t) => {
  await using place = new Workspace()
  const file = place.rigBoard(`sysrq-${process.pid}`, {
    console: 'telnet',
    power: 'ipmi',
    append: 'sysrq_always_enabled',
    limits: { boot: '5m', load: '5m', shutdown: '10s' },
  })
  // The shell never comes back, and no kexec comes either: what a board does whose shutdown hangs.
  const hangs: Partial<ShellLoader> = {
    execute: (shell, _method, options) => shell.run('sleep 10000', options),
  }
  const opened = await openOnRig(t, file, hangs)
  if (!opened) return t.pass()
  const { session, recoveries, folder, board } = opened
  const cycle = await session.cycle({ syscall: 'kexec_load', checks: false, ifdown: true })
  t.is(cycle.diagnosis?.kind, 'hang-in-shutdown')
  t.regex(cycle.diagnosis!.registers!.join('\n'), /sysrq: Show backtrace of all active CPUs/)
  await session.recover()
  const [[step, said, ok] = []] = recoveries
  t.is(step, 'BREAK and sysrq')
  t.true(ok, said)
  t.regex(said!, /sysrq: Show Blocked State[\s\S]*the board booted cold and its shell answers/)
  t.truthy(session.running)
  t.is(recoveries.length, 1)
  t.regex(await readFile(join(folder, `${board.descriptor.name}.log`), 'utf8'), /sysrq: Resetting/)
})
