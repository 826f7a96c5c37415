/** Bare relays: how one is wired to its board, the same for every kind of relay. */
import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { checkedMs, durationText } from '../duration.ts'
import type { PowerSwitch } from './switch.ts'

/** The keys that say how a relay is wired; every relay's schema has them. */
export const relayWiring = {
  invert: z.boolean().default(false).meta({
    description:
      'True where the board has power while the relay is released (its normally closed contact), or where the input is active low.',
  }),
  button: z
    .strictObject({
      on: durationText.default('500ms').meta({ description: 'How long it is pressed to switch on.' }),
      off: durationText.default('5s').meta({ description: 'How long it is pressed to switch off.' }),
    })
    .optional()
    .meta({
      description:
        "The relay is wired to the board's power button: it is pressed and let go, and says nothing of the board's state.",
    }),
}
const wiringSchema = z.strictObject(relayWiring)
type RelayWiring = z.infer<typeof wiringSchema>

/** One relay. Its functions do it once and throw LabError. */
export type Relay = {
  name: string
  /** Energises it, or releases it. */
  set(energised: boolean, signal: AbortSignal): Promise<void>
  /** Whether it is energised; undefined where this piece can't tell, absent where none of its kind can. */
  get?(signal: AbortSignal): Promise<boolean | undefined>
  close?(): Promise<void>
}

const callMs = 10_000

/** A relay as the power switch of a board. */
export function relaySwitch(relay: Relay, wiring: RelayWiring, clock: Clock = systemClock): PowerSwitch {
  const set = (active: boolean, signal: AbortSignal) => relay.set(active !== wiring.invert, signal)
  const close = relay.close && { close: () => relay.close!() }
  if (wiring.button) {
    const onMs = checkedMs(wiring.button.on)
    const offMs = checkedMs(wiring.button.off)
    const press = async (forMs: number, signal: AbortSignal) => {
      try {
        await set(true, signal)
        await clock.sleep(forMs, signal)
      } finally {
        // Let go also when the run is interrupted: a held button switches a board off, or keeps it off.
        using deadline = new Deadline(callMs)
        await set(false, deadline.signal)
      }
    }
    return {
      name: `${relay.name} on the power button`,
      on: (signal) => press(onMs, signal),
      off: (signal) => press(offMs, signal),
      limitMs: 2 * callMs + Math.max(onMs, offMs),
      ...close,
    }
  }
  return {
    name: relay.name,
    on: (signal) => set(true, signal),
    off: (signal) => set(false, signal),
    ...(relay.get && {
      state: async (signal) => {
        const energised = await relay.get!(signal)
        if (energised === undefined) return 'unknown'
        return energised === wiring.invert ? 'off' : 'on'
      },
    }),
    ...close,
  }
}
