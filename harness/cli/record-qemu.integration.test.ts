/** What is typed at a QEMU board, by whom ever, is in its recording. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ensureProgram } from '../../images/host-packages.ts'
import { resolveImage } from '../../images/image.ts'
import { loadQemuDescriptor } from '../board/descriptor.ts'
import { QemuBoard } from '../board/qemu-board.ts'
import { attach } from '../console/attached.ts'
import { type Cast, readCast } from '../console/cast/cast.ts'
import { ConsoleRecorder } from '../console/recorder.ts'
import { consoleSocket } from '../console/tee.ts'
import { Workspace } from './command-fixture.ts'
import { interactive } from './lab/interactive-fixture.ts'
import { boardsDir } from './paths.ts'

const testLimitMs = 10 * 60_000
const bootMs = 5 * 60_000

function typedIn(cast: Cast): string {
  return Buffer.concat(
    cast.events.flatMap((event) => (event.type === 'input' ? [event.bytes] : [])),
  ).toString()
}

test.serial('a person types into the machine of a QEMU board while it is recorded', async (t) => {
  t.timeout(testLimitMs)
  await using place = new Workspace()
  const file = place.path('board.cast')
  const terminal = interactive(['record', 'qemu-x86_64', '-o', file, '--power-cycle'], true)
  await terminal.says(/HARNESS READY[\s\S]*# /)
  terminal.type('echo typed-$((40+2))\r')
  await terminal.says(/typed-42/)
  terminal.type('\x1dq')
  t.is(await terminal.ended, 0)
  const cast = await readCast(file)
  t.is(typedIn(cast), 'echo typed-$((40+2))\r')
  t.true(cast.events.some((event) => event.type === 'output' && event.bytes.includes('typed-42')))
})

test.serial('what another program types at a board of a run is in BOARD.cast', async (t) => {
  t.timeout(testLimitMs)
  const written = await loadQemuDescriptor('qemu-x86_64', boardsDir)
  const name = `record-test-${process.pid}`
  const descriptor = { ...written, name }
  const program = await ensureProgram({ program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] })
  const folder = await mkdtemp(join(tmpdir(), 'record-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const originNs = process.hrtime.bigint()
  const recorder = new ConsoleRecorder({
    folder,
    board: name,
    originNs,
    onFailure: (error) => t.fail(error.message),
  })
  const image = await resolveImage(descriptor.image.recipe!, { arch: descriptor.arch })
  const qemu = { program, accelerator: 'tcg', reason: 'for a test' } as const
  const signal = new AbortController().signal
  {
    await using board = new QemuBoard({ descriptor, image, qemu, recorder })
    const from = await board.powerOn('console=ttyS0', signal)
    await board.console.expect('HARNESS READY', { from, timeoutMs: bootMs, what: 'ready' })
    const nothing = { bytes: () => {}, lost: () => {}, back: () => {}, gone: () => {} }
    await using viewer = await attach(name, consoleSocket(name), nothing)
    const { position } = board.console
    await viewer.write(Buffer.from('echo typed-$((40+2))\r'))
    await board.console.expect('typed-42', { from: position, timeoutMs: bootMs, what: 'answer' })
    await board.console.write('echo own\r')
  }
  recorder[Symbol.dispose]()
  const cast = await readCast(join(folder, `${name}.cast`))
  t.is(typedIn(cast), 'echo typed-$((40+2))\recho own\r')
})
