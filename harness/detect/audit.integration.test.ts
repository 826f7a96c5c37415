/** Real kernels that are asked to tell of their shutdown: a healthy one, then one with a fault in it. */
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { FaultUnavailable, type PreparedFault, prepareFault } from '../../images/faults.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { type Image, resolveImage } from '../../images/image.ts'
import { auditOffsets } from '../../images/kernel-layout.ts'
import { loadQemuDescriptor } from '../board/descriptor.ts'
import { QemuBoard } from '../board/qemu-board.ts'
import { reachShell, shellStage } from '../board/stage/shell.ts'
import { quote } from '../console/shell.ts'
import { kexecTools } from '../loader/kexec-tools.ts'
import { type AuditResult, auditFindings, ShutdownAudit } from './audit.ts'

const boards = fileURLToPath(new URL('../../boards', import.meta.url))
const programs = {
  x86_64: { program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] },
  arm64: { program: 'qemu-system-aarch64', packages: ['qemu-system-arm'] },
  ppc64le: { program: 'qemu-system-ppc64', packages: ['qemu-system-ppc'] },
}
const commandLines = {
  x86_64: 'console=ttyS0 earlyprintk=ttyS0,115200 tp_printk',
  arm64: 'console=ttyAMA0 earlycon tp_printk',
  ppc64le: 'console=hvc0 tp_printk',
}
const signal = new AbortController().signal
const timeoutMs = 120_000

type Rig = { board: QemuBoard; image: Image; fault: PreparedFault | undefined }

/** A board of four CPUs with a fault's module at hand, and a kernel that runs on it. */
async function boot(t: ExecutionContext, name: string): Promise<Rig> {
  const descriptor = await loadQemuDescriptor(name, boards)
  const { arch } = descriptor
  const image = await resolveImage(descriptor.image.recipe!, { arch })
  const fault = await prepareFault('ipi-offline-cpu', { image }).catch((error: unknown) => {
    if (!(error instanceof FaultUnavailable)) throw error
    t.log(`without the fault: ${error.message}`)
    return undefined
  })
  const board = new QemuBoard({
    descriptor: { ...descriptor, machine: { ...descriptor.machine, cpus: 4 } },
    image,
    qemu: { program: await ensureProgram(programs[arch]), accelerator: 'tcg', reason: 'the tests want TCG' },
    faultDisk: fault?.disk,
  })
  t.teardown(() => board[Symbol.asyncDispose]())
  await board.powerOn(commandLines[arch], signal)
  await reachShell(board.console, board.shell, shellStage(descriptor), { from: 0, timeoutMs })
  return { board, image, fault }
}

/** Kexecs once, up to a shell that answers, and hears what the old kernel tells. */
async function auditedKexec(t: ExecutionContext, { board, image }: Rig): Promise<AuditResult> {
  const { shell, console, descriptor } = board
  const target = { ...(await board.provideTarget(signal)), append: commandLines[descriptor.arch] }
  const method = { syscall: 'kexec_load', checks: false, ifdown: true } as const
  t.is((await kexecTools.load(shell, target, method, { timeoutMs })).status, 0)
  const offsets = Object.entries(await auditOffsets(image.kernel)).map((entry) => quote(entry.join('=')))
  const { output } = await shell.run(['harness-audit on', ...offsets].join(' '), { timeoutMs })
  t.is(output.trim(), 'audit shutdown=yes drivers=yes ipi=yes')
  const audit = new ShutdownAudit()
  const stop = console.onLine((line) => audit.line(line))
  const from = console.position
  const arrived = new AbortController()
  const executed = kexecTools.execute(shell, method, { timeoutMs, signal: arrived.signal }).catch(() => {})
  const started = await console.expect(/Linux version \d/, { timeoutMs, from, what: 'new kernel' })
  stop()
  arrived.abort()
  await executed
  await reachShell(console, shell, shellStage(descriptor), { from: started.end, timeoutMs })
  return audit.finish()
}

const driverOf = ({ devices }: AuditResult, name: string) => devices.find(({ driver }) => driver === name)

for (const name of ['qemu-x86_64', 'qemu-aarch64'])
  test.serial(`${name} tells of a healthy shutdown, and of an IPI to an offline CPU`, async (t) => {
    const rig = await boot(t, name)
    const healthy = await auditedKexec(t, rig)
    t.like(driverOf(healthy, 'virtio-pci'), { hasShutdown: false })
    t.true(driverOf(healthy, 'virtio-pci')!.durationMs! > 0)
    t.true(healthy.withoutShutdown.some(({ pointer }) => pointer === 'platform_driver.shutdown'))
    t.true(healthy.ipis.every(({ offlineCount }) => offlineCount === 0))
    t.deepEqual(auditFindings(healthy, { slowMs: 60_000 }), [])

    if (!rig.fault) return
    const { status, output } = await rig.board.shell.run(`harness-fault ${rig.fault.name}`, { timeoutMs })
    t.is(status, 0, output)
    const findings = auditFindings(await auditedKexec(t, rig), { slowMs: 60_000 })
    t.deepEqual(
      findings.map(({ id, cpu }) => [id, cpu]),
      [['offline-cpu-ipi', 1]],
    )
    t.log(findings[0]!.evidence.join('\n'))
  })
