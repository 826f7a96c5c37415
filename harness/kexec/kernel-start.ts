/** How a cycle makes the new kernel start: by commands in the old kernel's shell, or by an entry of a bootloader's menu. */
import type { Line } from '../console/lines.ts'
import type { StopReason } from './handover.ts'
import type { MarkName } from './outcome.ts'
import type { KernelFacts } from './proof.ts'

export type StartWatch = {
  signal: AbortSignal
  /** Notes a moment of the cycle: nanoseconds of the monotonic clock. */
  mark: (name: MarkName, atNs: bigint, line?: string) => void
}

export type KernelStart = {
  /** What the new kernel has on its command line, and no other one. */
  readonly nonce: string
  /** What ran before; null where nobody could ask it. */
  readonly before: KernelFacts | null
  /** What else could have been booted by mistake: nonces of other entries, and their labels. */
  readonly otherEntries?: ReadonlyMap<string, string>
  /** The longest from the execute to the old kernel's last line, milliseconds. */
  readonly shutdownLimitMs: number
  /** Whether the new kernel was asked to show its first words; what the descriptor says where it is absent. */
  readonly earlyConsole?: boolean | undefined
  /** True: the old kernel panics and starts the new one by that, so its panic is no failure. */
  readonly byPanic?: boolean | undefined
  /** What of this start's own proof is missing once the new kernel's shell answers, in words; absent: it needs none. */
  missingProof?(signal: AbortSignal): Promise<string[]>
  /** Why the kernel that came up is none that was asked for, in words; undefined where it may be, or nobody can tell. */
  unasked?(): string | undefined
  /** Whether a bootloader's menu starts the kernel: it then has said what a person reads on its screen. */
  readonly fromMenu?: boolean
  /** Loads. Throws CycleFailed with what the loader said, UnsupportedMethod, or as the shell does. */
  load(watch: StartWatch): Promise<void>
  /** Starts what is loaded. Resolves only when that failed; ends by the signal when the new kernel is there. */
  execute(watch: StartWatch & { timeoutMs: number }): Promise<{ reason: StopReason; message: string }>
  /**
   * Waits until the new kernel's user space is what it is to be, and returns the line that shows it. Absent: the board's
   * shell, which is then asked for the proof; here the command line that the new kernel prints has to do.
   */
  arrive?(options: { from: number; timeoutMs: number; signal: AbortSignal }): Promise<Line>
}
