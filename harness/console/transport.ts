/** What a transport is: a stream of stamped bytes and nothing more. One file each in transport/. */

/** Hears an open connection. */
export type ConnectionSink = {
  /** Bytes that arrived, and CLOCK_MONOTONIC at that moment, taken before anything else is done with them. */
  bytes(chunk: Buffer, atNs: bigint): void
  /** The connection is over: unplugged, hung up, the other end gone. Told once; nothing follows it. */
  ended(reason: string): void
}

/** By how much an arrival may be later than the board's UART sent it, beyond the host's own delay. */
export type Lateness = { ms: number; why: string }

/** An open connection to a board's console. */
export type Connection = {
  /** Resolves when the bytes have left the harness. Rejects with LabError when they can't. */
  write(bytes: Buffer): Promise<void>
  /** Sends a serial BREAK, as sysrq wants it; absent where the transport has no way to. */
  sendBreak?(): Promise<void>
  /** Absent: not known to be late. */
  readonly lateness?: Lateness
  /** Ends it; `ended` is not told. */
  close(): Promise<void>
}

/**
 * Connects once. Throws LabError (no such port, no permission, refused …) whose message and hint say what to do,
 * or the signal's reason.
 */
export type Connect = (sink: ConnectionSink, signal: AbortSignal) => Promise<Connection>
