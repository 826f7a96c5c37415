/** What a power switch is: two or three functions. One file each in this folder. */

export type PowerState = 'on' | 'off'

/**
 * Switches one board's power. Each function does it once and throws LabError when the switch does not do or answer it;
 * limits, dwell, retries and verification are PowerControl's.
 */
export type PowerSwitch = {
  /** What it is and where, as messages say it: `pdudaemon at http://localhost:16421, port 3 of rack1-pdu`. */
  readonly name: string
  on(signal: AbortSignal): Promise<void>
  off(signal: AbortSignal): Promise<void>
  /** What the switch says of its outlet; absent where it can't tell, 'unknown' where only this piece of it can't. */
  state?(signal: AbortSignal): Promise<PowerState | 'unknown'>
  /** How long one call may take; absent: 10 s. */
  readonly limitMs?: number
  /** How long after a call the state may still be the old one; absent: 5 s. */
  readonly settleMs?: number
  /** Gives back what it holds: a browser, a GPIO line. Does not switch. */
  close?(): Promise<void>
}
