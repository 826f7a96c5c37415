/** What goes wrong with a crash kernel, on real kernels: each is told apart, and the board is usable afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { ensureProgram } from '../../images/host-packages.ts'
import { resolveImage } from '../../images/image.ts'
import { loadQemuDescriptor } from '../board/descriptor.ts'
import { QemuBoard } from '../board/qemu-board.ts'
import { ConsoleRecorder } from '../console/recorder.ts'
import { loadCatalogue } from '../detect/catalogue.ts'
import { kdump } from '../loader/kdump.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { loadMarkers } from './markers.ts'
import { KexecSession } from './session.ts'

const way: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }
const boards = fileURLToPath(new URL('../../boards', import.meta.url))
/** Room for a machine that is shared. */
const limits = { bootMs: 480_000, loadMs: 300_000, shutdownMs: 300_000, gapMs: 300_000, startupMs: 480_000 }

async function openSession(t: ExecutionContext, loader: Partial<ShellLoader> = {}, append = '') {
  t.timeout(1_200_000)
  const found = await loadQemuDescriptor('qemu-x86_64', boards)
  const descriptor = { ...found, append, limits }
  const program = await ensureProgram({ program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] })
  const image = await resolveImage(descriptor.image.recipe!, { arch: 'x86_64' })
  const folder = mkdtempSync(join(tmpdir(), 'kdump-session-'))
  const recorder = new ConsoleRecorder({
    ...{ folder, board: descriptor.name, originNs: process.hrtime.bigint() },
    onFailure: (error) => t.fail(error.message),
  })
  const qemu = { program, accelerator: 'tcg', reason: 'the tests want TCG' } as const
  const board = new QemuBoard({ descriptor, image, qemu, recorder })
  t.teardown(async () => {
    await board[Symbol.asyncDispose]()
    recorder[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  const boots: (string | null)[] = []
  const ignore = () => {}
  const session = new KexecSession({
    board,
    loader: { ...kdump, ...loader },
    markers: await loadMarkers('x86_64', descriptor.markers),
    loadSignatures: loadCatalogue,
    listener: {
      bootStarted: ignore,
      bootEnded: ({ kernel }) => boots.push(kernel),
      mark: ignore,
      recovery: ignore,
    },
    signal: new AbortController().signal,
  })
  return { session, board, boots }
}

test.serial('a crash is a cycle like another, and the next one starts from a cold boot', async (t) => {
  const { session, board, boots } = await openSession(t)
  const first = await session.cycle(way)
  t.true(first.proven, first.failure?.message)
  t.deepEqual(
    first.newHits.map(({ signature }) => signature.id),
    [],
    'the wanted panic is no finding',
  )
  const { output } = await board.shell.run('cat /proc/cmdline', { timeoutMs: 60_000 })
  t.regex(output, /nr_cpus=1 reset_devices .*elfcorehdr=/)
  t.notRegex(output, /crashkernel=/)
  t.is(session.running, undefined, 'a capture kernel is of no use for another cycle')

  const panicked = await session.cycle(way, { append: 'rdinit=/bin/false' })
  t.is(panicked.diagnosis?.kind, 'panic', 'a panic of the capture kernel is none that was wanted')
  t.is(boots.length, 2)
})

test.serial('without a capture kernel a crash is a panic, told as soon as it is over', async (t) => {
  const nothing: ShellLoader['load'] = async (shell, _target, _method, options) => ({
    ...(await shell.run('kexec -p -u', options)),
    ...{ loaded: true, unsupported: false },
  })
  const { session } = await openSession(t, { load: nothing })
  const { proven, diagnosis } = await session.cycle(way)
  t.false(proven)
  t.is(diagnosis?.kind, 'panic')
  t.regex(diagnosis?.evidence.join('\n') ?? '', /end Kernel panic - not syncing: sysrq triggered crash/)
})

test.serial("the descriptor's own crashkernel= counts, and too little memory is a load error", async (t) => {
  const { session } = await openSession(t, {}, 'crashkernel=32M')
  const { diagnosis } = await session.cycle(way)
  t.is(diagnosis?.kind, 'load-error')
  t.truthy(session.running, 'the kernel that could not load runs on')
})
