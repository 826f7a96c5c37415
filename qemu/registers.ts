/** What each CPU of a machine is doing, read from QEMU's `info registers -a` while it runs or after it stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import type { QemuArch } from './arguments.ts'
import type { QmpClient } from './qmp.ts'

/**
 * Where a program counter points: user space, the kernel's virtual addresses, or (`low`) addresses that
 * only firmware, purgatory, a decompressor and a kernel's first instructions run at.
 */
type AddressSpace = 'user' | 'kernel' | 'low' | 'real-mode'

export type CpuState = {
  cpu: number
  /** Program counter; a linear address in x86's real mode. */
  pc: bigint
  stackPointer: bigint
  mode: 'user' | 'kernel'
  /** The CPU's own word for its privilege: `CPL0`, `CPL3`, `EL0t`, `EL1h`, `EL2h` … */
  level: string
  /**
   * Whether the CPU waits in a halt instruction. Only on x86 QEMU says so; elsewhere it is told from the instruction at
   * the program counter; null where that can't be read.
   */
  halted: boolean | null
  /** x86: the IF flag; arm64: PSTATE.I is clear; ppc64le: MSR.EE. */
  interruptsEnabled: boolean
  addressSpace: AddressSpace
}

type Source = { arch: QemuArch; qmp: QmpClient }
type ReadOptions = { signal?: AbortSignal; timeoutMs?: number }

/** Reads the state of every CPU. The guest need not be stopped; CPUs are read one after the other. */
export async function readCpus({ arch, qmp }: Source, options: ReadOptions = {}): Promise<CpuState[]> {
  const cpus = parseRegisters(await qmp.humanMonitor('info registers -a', options), arch)
  if (cpus.length === 0)
    throw new LabError('QEMU says nothing of its CPUs: "info registers -a" has no CPU in it')
  if (arch === 'x86_64') return cpus
  const waiting = waitInstructions[arch]
  return await Promise.all(
    cpus.map(async (cpu) => ({ ...cpu, halted: await waits(qmp, cpu, waiting, options) })),
  )
}

/**
 * Reads every CPU `count` times, `intervalMs` apart. One element a sample, oldest first.
 * Throws LabError when QEMU does not answer, an AbortError when the signal aborts.
 */
export async function sampleCpus(
  source: Source,
  count: number,
  intervalMs: number,
  options: ReadOptions = {},
): Promise<CpuState[][]> {
  const samples: CpuState[][] = []
  while (samples.length < count) {
    if (samples.length > 0) await sleep(intervalMs, undefined, { signal: options.signal })
    samples.push(await readCpus(source, options))
  }
  return samples
}

/**
 * A jump to itself: `jmp .` on x86, `b .` on arm64 and POWER, as the first bytes in memory. QEMU shows words of POWER's
 * memory big-endian, whatever the kernel: there it is firmware's or a kernel's.
 */
const selfJump: Record<QemuArch, (word: number) => boolean> = {
  x86_64: (word) => word % 0x10000 === 0xfeeb,
  arm64: (word) => word === 0x14000000,
  ppc64le: (word) => word === 0x48000000 || word === 0x48,
}

/**
 * The CPU that was found at one and the same jump to itself in every sample, at an address that no kernel runs at: it
 * will never leave. undefined where there is none or it can't be read.
 */
export async function findEndlessLoop(
  { arch, qmp }: Source,
  samples: CpuState[][],
  options: ReadOptions = {},
): Promise<CpuState | undefined> {
  for (const cpu of samples.at(-1) ?? []) {
    const all = samples.flatMap((sample) => sample.filter((state) => state.cpu === cpu.cpu))
    if (cpu.addressSpace !== 'low' || all.some(({ pc }) => pc !== cpu.pc)) continue
    const [instruction] = (await readWords(qmp, cpu.cpu, cpu.pc, options)) ?? []
    if (instruction !== undefined && selfJump[arch](instruction)) return cpu
  }
  return undefined
}

/** One line a CPU that a person reads, from samples of `sampleCpus`. */
export function describeCpus(samples: CpuState[][]): string[] {
  const last = samples.at(-1) ?? []
  return last.map(({ cpu }) =>
    describeCpu(samples.flatMap((sample) => sample.filter((state) => state.cpu === cpu))),
  )
}

/** Parses `info registers -a` of QEMU's programs. A CPU that lacks a register is left out. */
export function parseRegisters(text: string, arch: QemuArch): CpuState[] {
  const blocks = text.split(/^CPU#(?=\d+\s*$)/m).slice(1)
  return blocks.flatMap((block) => {
    const state = parsers[arch](block)
    return state === undefined ? [] : [{ cpu: Number.parseInt(block, 10), ...state }]
  })
}

type Registers = Omit<CpuState, 'cpu'>

/** Printed by x86_cpu_dump_state, target/i386/cpu-dump.c. */
function parseX86(block: string): Registers | undefined {
  const ip = hex(block, /\b[RE]IP=([\da-f]+)/)
  const flags = hex(block, /\b(?:RFL|EFL)=([\da-f]+)/)
  const stackPointer = hex(block, /\b[RE]SP=([\da-f]+)/)
  const codeBase = hex(block, /^CS =[\da-f]+ ([\da-f]+)/m)
  const cr0 = hex(block, /^CR0=([\da-f]+)/m)
  const [, level, halted] = /\bCPL=(\d).*\bHLT=(\d)/.exec(block) ?? []
  if (ip === undefined || flags === undefined || stackPointer === undefined || cr0 === undefined)
    return undefined
  const realMode = (cr0 & 1n) === 0n
  const pc = realMode ? ip + (codeBase ?? 0n) : ip
  const mode = level === '3' ? 'user' : 'kernel'
  return {
    ...{ pc, stackPointer, mode, level: realMode ? 'real mode' : `CPL${level}`, halted: halted === '1' },
    interruptsEnabled: (flags & 0x200n) !== 0n,
    addressSpace: realMode ? 'real-mode' : addressSpace(pc, mode),
  }
}

/** Printed by aarch64_cpu_dump_state, target/arm/cpu.c. */
function parseArm64(block: string): Registers | undefined {
  const pc = hex(block, /\bPC=([\da-f]+)/)
  const stackPointer = hex(block, /\bSP=([\da-f]+)/)
  const pstate = hex(block, /\bPSTATE=([\da-f]+)/)
  const level = /\bPSTATE=.*?\b(EL\d[th]?)\b/.exec(block)?.[1]
  if (pc === undefined || stackPointer === undefined || pstate === undefined || level === undefined)
    return undefined
  const mode = level.startsWith('EL0') ? 'user' : 'kernel'
  return {
    ...{ pc, stackPointer, mode, level, halted: null },
    interruptsEnabled: (pstate & 0x80n) === 0n,
    addressSpace: addressSpace(pc, mode),
  }
}

/** Printed by ppc_cpu_dump_state, target/ppc/cpu_init.c. */
function parsePpc64(block: string): Registers | undefined {
  const pc = hex(block, /\bNIP ([\da-f]+)/)
  const stackPointer = hex(block, /\bGPR00 [\da-f]+ ([\da-f]+)/)
  const msr = hex(block, /\bMSR ([\da-f]+)/)
  if (pc === undefined || stackPointer === undefined || msr === undefined) return undefined
  const has = (bit: bigint) => (msr & bit) !== 0n
  const mode = has(msrBits.problemState) ? 'user' : 'kernel'
  return {
    ...{ pc, stackPointer, mode, halted: null },
    level: mode === 'user' ? 'problem state' : has(msrBits.hypervisor) ? 'hypervisor' : 'supervisor',
    interruptsEnabled: has(msrBits.externalInterrupts),
    addressSpace: addressSpace(pc, mode),
  }
}

/** Power ISA 3.0, book III, "Machine State Register": HV, EE, PR. */
const msrBits = { hypervisor: 1n << 60n, externalInterrupts: 1n << 15n, problemState: 1n << 14n }

const parsers: Record<QemuArch, (block: string) => Registers | undefined> = {
  x86_64: parseX86,
  arm64: parseArm64,
  ppc64le: parsePpc64,
}

function hex(text: string, pattern: RegExp): bigint | undefined {
  const digits = pattern.exec(text)?.[1]
  return digits === undefined ? undefined : BigInt(`0x${digits}`)
}

/** All give the upper half of the addresses to the kernel. */
function addressSpace(pc: bigint, mode: CpuState['mode']): AddressSpace {
  if (mode === 'user') return 'user'
  return pc >= 1n << 63n ? 'kernel' : 'low'
}

/** A CPU that waits has its program counter right after the instruction (or on it). */
const waitInstructions: Record<Exclude<QemuArch, 'x86_64'>, ReadonlySet<number>> = {
  // WFI and WFE
  arm64: new Set([0xd503207f, 0xd503205f]),
  // `sc 1`, by which a guest of a hypervisor yields (H_CEDE), and `stop`; little-endian code in big-endian words
  ppc64le: new Set([0x22000044, 0xe402004c]),
}

async function waits(
  qmp: QmpClient,
  { cpu, pc }: CpuState,
  waiting: ReadonlySet<number>,
  options: ReadOptions,
): Promise<boolean | null> {
  if (pc < 4n) return null
  const words = await readWords(qmp, cpu, pc - 4n, options)
  return words === undefined ? null : words.some((word) => waiting.has(word))
}

/** Two 32-bit words at an address as that CPU sees it; undefined where nothing is mapped. */
async function readWords(
  qmp: QmpClient,
  cpu: number,
  at: bigint,
  options: ReadOptions,
): Promise<number[] | undefined> {
  const args = { 'command-line': `x /2xw 0x${at.toString(16)}`, 'cpu-index': cpu }
  const text = await qmp.execute('human-monitor-command', args, { ...options, schema: z.string() })
  return /: (0x[\da-f]{8}) (0x[\da-f]{8})/.exec(text)?.slice(1).map(Number)
}

function describeCpu(states: CpuState[]): string {
  const last = states.at(-1)!
  const places = new Set(states.map(({ pc }) => pc))
  const pcs = [...places].map((pc) => `0x${pc.toString(16)}`)
  const count = states.length
  const where = places.size === 1 ? `${pcs[0]}` : `${pcs.at(-1)} (${places.size} places in ${count} samples)`
  const still = places.size === 1 && count > 1 ? ` in all ${count} samples` : ''
  const halted = states.every((state) => state.halted) ? ', halted' : ''
  const interrupts = states.every((state) => !state.interruptsEnabled)
    ? 'off'
    : states.every((state) => state.interruptsEnabled)
      ? 'on'
      : 'on and off'
  return `CPU${last.cpu}: ${last.level}, ${placeNames[last.addressSpace]}, pc ${where}${still}, interrupts ${interrupts}${halted}`
}

const placeNames: Record<AddressSpace, string> = {
  user: 'user space',
  kernel: 'kernel',
  low: 'low addresses (firmware, purgatory or early boot)',
  'real-mode': 'firmware',
}
