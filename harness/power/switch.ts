/** What a power switch is: two or three functions. One file each in this folder. */

export type PowerState = 'on' | 'off'

/**
 * Switches one board's power. Each function does it once and throws LabError when the switch does not do or answer it;
 * dwell, retries and verification are PowerControl's.
 */
export type PowerSwitch = {
  on(signal: AbortSignal): Promise<void>
  off(signal: AbortSignal): Promise<void>
  /** What the switch says of its outlet; absent where it can't tell. */
  state?(signal: AbortSignal): Promise<PowerState>
}
