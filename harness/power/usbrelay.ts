/** USB HID relays (16c0:05df, dcttech), through the program usbrelay (github.com/darrylb123/usbrelay). */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { powerCommon } from './common.ts'
import { runProgram } from './program.ts'
import { relaySwitch, relayWiring } from './relay.ts'
import type { PowerSwitch } from './switch.ts'

export const usbrelaySchema = z
  .strictObject({
    type: z.literal('usbrelay'),
    relay: z
      .string()
      .regex(/^[A-Za-z0-9/][^\s=\u0000-\u001f]*_[1-9]$/)
      .meta({
        title: "a relay as `usbrelay` lists it: the module's id, _ and a number",
        examples: ['BITFT_1'],
      }),
    ...relayWiring,
    ...powerCommon,
  })
  .meta({ description: 'A USB HID relay, through the program usbrelay.' })

export function openUsbrelay(config: z.infer<typeof usbrelaySchema>): PowerSwitch {
  const { relay } = config
  const name = `USB relay ${relay}`
  const run = (args: string[], signal: AbortSignal) =>
    runProgram(name, { command: ['usbrelay', ...args], debianPackage: 'usbrelay', signal })
  const get = async (signal: AbortSignal) => {
    const listed = new Map((await run([], signal)).split(/\r?\n/).map(pair))
    const state = listed.get(relay)
    if (state === '0' || state === '1') return state === '1'
    const others = [...listed.keys()].filter((id) => id !== '')
    throw new LabError(
      `${name} is not there; usbrelay lists ${others.length === 0 ? 'none' : others.join(', ')}`,
      { hint: 'Is it plugged in, and may this user open its /dev/hidraw? A udev rule grants it.' },
    )
  }
  const set = async (energised: boolean, signal: AbortSignal) => {
    await run([`${relay}=${energised ? 1 : 0}`], signal)
    // usbrelay 1.0 ends with 0 also where there is no such relay.
    await get(signal)
  }
  return relaySwitch({ name, set, get }, config)
}

function pair(line: string): [string, string | undefined] {
  const [id = '', state] = line.trim().split('=')
  return [id, state]
}
