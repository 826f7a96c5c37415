/** Whether a machine runs under KVM or under TCG: KVM only where a probe guest was seen to run. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { type AcceleratorName, escapeCommas, type QemuArch, type QemuProgram } from './arguments.ts'
import { probeGuest } from './guests/probe.ts'
import { ownWords, startQemu } from './process.ts'
import { privateFolder, removeFolder } from './sockets.ts'

export type Accelerator = {
  accelerator: AcceleratorName
  /** Why, as a sentence that a person reads. */
  reason: string
  /** What `qemu --version` says, for instance `7.2.22`. */
  qemuVersion: string
}

export type ChooseOptions = {
  /** The CPU model that the board will use; `max` unless told. Some hosts run one model and not the other. */
  cpu?: string
  /** How long the probe guest may take; 3 s unless told. It takes 0.1 s under TCG. */
  probeTimeoutMs?: number
  signal?: AbortSignal
}

/** Architectures of hosts that the harness runs on, and so the only ones that KVM could run. */
type HostArch = keyof typeof probeGuest
const hostArch: Record<string, HostArch> = { x64: 'x86_64', arm64: 'arm64' }

/**
 * Chooses the accelerator for a QEMU program. The probe's answer is remembered in `cacheDir` until the host
 * boots again or its kernel or QEMU changes.
 * Throws LabError when `wanted` is `kvm` and KVM does not work, or when QEMU does not run at all.
 */
export async function chooseAccelerator(
  program: QemuProgram,
  arch: QemuArch,
  wanted: 'auto' | AcceleratorName,
  cacheDir: string,
  options: ChooseOptions = {},
): Promise<Accelerator> {
  const qemuVersion = await versionOf(program, options.signal)
  if (wanted === 'tcg') return { accelerator: 'tcg', reason: 'TCG: as the board asks', qemuVersion }
  if (wanted === 'icount')
    return { accelerator: 'icount', reason: 'TCG that counts instructions: as the board asks', qemuVersion }
  const problem = await kvmProblem(program, arch, cacheDir, qemuVersion, options)
  if (problem === null) return { accelerator: 'kvm', reason: 'KVM: a probe guest ran', qemuVersion }
  if (wanted === 'kvm') {
    throw new LabError(`KVM was asked for and does not work: ${problem}`, {
      hint: 'set the accelerator to auto or tcg',
    })
  }
  return { accelerator: 'tcg', reason: `KVM: ${problem}; using TCG`, qemuVersion }
}

async function kvmProblem(
  program: QemuProgram,
  arch: QemuArch,
  cacheDir: string,
  qemuVersion: string,
  { cpu = 'max', probeTimeoutMs = 3_000, signal }: ChooseOptions,
): Promise<string | null> {
  const host = hostArch[process.arch]
  if (host === undefined || host !== arch) return `the host is ${process.arch}, the guest is ${arch}`
  const device = await deviceProblem()
  if (device !== null) return device
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
  const facts = {
    host: release(),
    bootId,
    program: program.path,
    qemuVersion,
    arch,
    cpu,
    probeTimeoutMs,
    probe: 1,
  }
  const key = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)
  const file = join(cacheDir, 'kvm', `${key}.json`)
  const remembered = await recall(file)
  if (remembered !== undefined) return remembered.problem
  const problem = await runProbe(program, host, ['-accel', 'kvm', '-cpu', cpu], probeTimeoutMs, signal)
  await remember(cacheDir, file, { problem, ...facts })
  return problem
}

/** Null when this user may open /dev/kvm for reading and writing. */
async function deviceProblem(): Promise<string | null> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK)
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'the host has no /dev/kvm'
    return `/dev/kvm cannot be opened (${code}; is this user in the group kvm?)`
  }
}

/** Boots the probe guest with these arguments for accelerator and CPU; null when it ran to its end. */
export async function runProbe(
  program: QemuProgram,
  arch: HostArch,
  accelerator: string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string | null> {
  signal?.throwIfAborted()
  const folder = await privateFolder()
  try {
    const image = join(folder, 'probe.bin')
    await writeFile(image, probeGuest[arch])
    const args = [...(program.extraArgs ?? []), ...probeArguments(arch, image), ...accelerator]
    const qemu = await startQemu(program, args)
    const stop = new AbortController()
    const limit = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])])
    const late = sleep(timeoutMs, 'late' as const, { signal: limit }).catch(() => 'aborted' as const)
    const end = await Promise.race([qemu.exited, late])
    stop.abort()
    qemu.kill('SIGKILL')
    await qemu.exited
    signal?.throwIfAborted()
    if (typeof end === 'string') return `guest did not run within ${timeoutMs / 1000} s`
    if (end.exitCode === exitStatusOfProbe[arch]) return null
    return (
      ownWords(end.output).split('; ')[0] ||
      `the probe guest ended with ${end.signal ?? `exit status ${end.exitCode}`}`
    )
  } finally {
    await removeFolder(folder)
  }
}

/** isa-debug-exit makes (value << 1) | 1 of the probe's 0x2a; PSCI SYSTEM_OFF ends QEMU with 0. */
const exitStatusOfProbe: Record<HostArch, number> = { x86_64: 85, arm64: 0 }

function probeArguments(arch: HostArch, image: string): string[] {
  const common = ['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-m', '64']
  if (arch === 'arm64') return [...common, '-machine', 'virt,gic-version=max', '-kernel', image]
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1']
  return [...common, '-machine', 'pc', ...exit, '-drive', `file=${escapeCommas(image)},format=raw,if=ide`]
}

async function versionOf(program: QemuProgram, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted()
  const { stdout, stderr, failed, originalMessage } = await execa(program.path, ['--version'], {
    env: program.env,
    timeout: 20_000,
    reject: false,
    cancelSignal: signal,
  })
  signal?.throwIfAborted()
  const version = /version (\d[\w.+~-]*)/.exec(stdout)?.[1]
  if (!failed && version !== undefined) return version
  throw new LabError(
    `${program.path} does not run: ${stderr.trim() || originalMessage || 'no version in its answer'}`,
    {
      hint: 'run: npm run doctor',
    },
  )
}

const memory = z.object({ problem: z.string().nullable() })

async function recall(file: string): Promise<z.infer<typeof memory> | undefined> {
  try {
    return memory.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** A cache that cannot be written costs a probe each time and nothing else. */
async function remember(cacheDir: string, file: string, answer: object): Promise<void> {
  try {
    await mkdir(join(cacheDir, 'kvm'), { recursive: true })
    const temporary = `${file}.${process.pid}`
    await writeFile(temporary, `${JSON.stringify(answer)}\n`)
    await rename(temporary, file)
  } catch {}
}
