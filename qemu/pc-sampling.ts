/** Where a CPU is, again and again while it runs: what tells a gap's parts where no breakpoint can be set. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine } from './machine.ts'
import { parseRegisters } from './registers.ts'

/** The first CPU's program counter at a moment of the host's monotonic clock, nanoseconds. */
export type PcSample = { atNs: bigint; pc: bigint }

export type Sampling = AsyncDisposable & {
  /** Ends it and gives what was seen, oldest first. Never rejects: a QEMU that is gone has no more samples. */
  stop(): Promise<PcSample[]>
}

/** QEMU takes a CPU out of its guest code for each: 200 a second cost it little, and tell parts of 5 ms. */
const intervalMs = 5
/** Half an hour of purgatory. */
const mostSamples = 400_000

/** Samples the CPU that kexecs, which is the first one (kernel_kexec() goes there by migrate_to_reboot_cpu()). */
export function samplePcs({ qmp, arch }: Pick<Machine, 'qmp' | 'arch'>): Sampling {
  const samples: PcSample[] = []
  const ended = new AbortController()
  const loop = async () => {
    while (!ended.signal.aborted && samples.length < mostSamples) {
      const beforeNs = process.hrtime.bigint()
      const [cpu] = parseRegisters(await qmp.humanMonitor('info registers'), arch)
      // QEMU reads it some time between the question and the answer.
      if (cpu) samples.push({ atNs: (beforeNs + process.hrtime.bigint()) / 2n, pc: cpu.pc })
      await sleep(intervalMs, undefined, { signal: ended.signal })
    }
  }
  const running = loop().catch(() => {})
  const stop = async () => {
    ended.abort()
    await running
    return samples
  }
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}
