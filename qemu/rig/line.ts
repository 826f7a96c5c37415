/** A board's serial line as the rig sees it: what the board says goes out, what is typed comes in. */

/** The board's end of a line. */
export type LineEnd = {
  /** Bytes that somebody typed. */
  typed: (bytes: Buffer) => void
  /** Somebody sent a BREAK. */
  broken: () => void
}

/** Where a line leads: a PTY, or a telnet connection of ser2net's or ipmi_sim's. */
export type Line = AsyncDisposable & {
  /** Passes on what the board says. It is lost where nobody listens, as on a real line. */
  say: (bytes: Buffer) => void
}

/** A console that can be unplugged and comes back at the same place. */
export type Plug = { pull: () => Promise<void>; push: () => Promise<void> }

/** What may wait for a reader that does not read, until the line loses bytes. */
export const waitingBytes = 256 * 1024
