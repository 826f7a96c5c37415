/** A session on a real QEMU board, for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { ensureProgram } from '../../images/host-packages.ts'
import { resolveImage } from '../../images/image.ts'
import { loadQemuDescriptor } from '../board/descriptor.ts'
import type { QemuDescriptor } from '../board/kinds.ts'
import { QemuBoard } from '../board/qemu-board.ts'
import { WarmStates } from '../board/warm-states.ts'
import { ConsoleRecorder } from '../console/recorder.ts'
import { loadCatalogue } from '../detect/catalogue.ts'
import { kexecTools } from '../loader/kexec-tools.ts'
import type { ShellLoader } from '../loader/loader.ts'
import { loadMarkers } from './markers.ts'
import type { Observing } from './observe/observer.ts'
import { type BootEnd, KexecSession, type SessionCycle } from './session.ts'

const boards = fileURLToPath(new URL('../../boards', import.meta.url))
const programs = {
  x86_64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
  ppc64le: 'qemu-system-ppc64',
}
const packages = {
  x86_64: ['qemu-system-x86'],
  arm64: ['qemu-system-arm'],
  ppc64le: ['qemu-system-ppc'],
}

/** For a test with several cold boots, on a machine that is shared. */
const testLimitMs = 30 * 60_000

type Setup = {
  /** Its descriptor's name. */
  board?: string
  change?: (descriptor: QemuDescriptor) => QemuDescriptor
  /** What is otherwise than in kexec-tools' loader. */
  loader?: Partial<ShellLoader>
  /** Power-ons may go on from what these hold. */
  states?: WarmStates
  observing?: (descriptor: QemuDescriptor) => Observing
}
type Rig = { session: KexecSession; board: QemuBoard; recoveries: string[]; boots: BootEnd[] }

/** For tests of one file whose boards are the same machine: the first boots, and the others go on from there. */
export function statesOfFile(): WarmStates {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-warm-'))
  test.after.always(() => rmSync(folder, { recursive: true }))
  return new WarmStates(folder)
}

/** A board that is still off, closed with the test. */
export async function openSession(
  t: ExecutionContext,
  { board: name = 'qemu-x86_64', change = (same) => same, loader = {}, states, observing }: Setup,
): Promise<Rig> {
  t.timeout(testLimitMs)
  const descriptor = change(await loadQemuDescriptor(name, boards))
  const { arch } = descriptor
  const program = await ensureProgram({ program: programs[arch], packages: packages[arch] })
  const image = await resolveImage(descriptor.image.recipe!, { arch })
  const folder = mkdtempSync(join(tmpdir(), 'kexec-session-'))
  const recorder = new ConsoleRecorder({
    folder,
    board: name,
    originNs: process.hrtime.bigint(),
    onFailure: (error) => t.fail(error.message),
  })
  const board = new QemuBoard({
    descriptor,
    image,
    qemu: { program, accelerator: 'tcg', reason: 'the tests want TCG' },
    recorder,
    states,
  })
  t.teardown(async () => {
    await board[Symbol.asyncDispose]()
    recorder[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  const recoveries: string[] = []
  const boots: BootEnd[] = []
  const ignore = () => {}
  const session = new KexecSession({
    board,
    loader: { ...kexecTools, ...loader },
    markers: await loadMarkers(arch, descriptor.markers),
    loadSignatures: loadCatalogue,
    listener: {
      bootStarted: ignore,
      bootEnded: (boot) => boots.push(boot),
      mark: ignore,
      recovery: (step, outcome) => recoveries.push(`${step}: ${outcome}`),
    },
    observing: observing?.(descriptor),
    warm: states !== undefined,
    signal: new AbortController().signal,
  })
  return { session, board, recoveries, boots }
}

/** What is said of a cycle that was expected to fail. */
export function diagnosisOf(t: ExecutionContext, cycle: SessionCycle) {
  t.false(cycle.proven)
  t.truthy(cycle.failure, 'the cycle was expected to fail')
  t.log(cycle.failure?.message)
  return cycle.diagnosis!
}
