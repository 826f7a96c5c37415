/** Any program that switches power. */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { command } from '../values.ts'
import { powerCommon } from './common.ts'
import { lastWords, runProgram } from './program.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const commandSchema = z
  .strictObject({
    type: z.literal('command'),
    on: command,
    off: command,
    state: command.optional().meta({ description: 'Its last line is on or off, 1 or 0.' }),
    ...powerCommon,
  })
  .meta({ description: 'Programs of your own, run without a shell; exit status 0 is success.' })

const limitMs = 60_000
const states: Record<string, PowerState> = { on: 'on', '1': 'on', off: 'off', '0': 'off' }

export function openCommand(config: z.infer<typeof commandSchema>): PowerSwitch {
  const name = `the command ${config.on[0]}`
  const run = (args: readonly string[], signal: AbortSignal) => runProgram(name, { command: args, signal })
  const { state } = config
  return {
    name,
    limitMs,
    on: async (signal) => {
      await run(config.on, signal)
    },
    off: async (signal) => {
      await run(config.off, signal)
    },
    ...(state && { state: async (signal) => stateOf(state[0] ?? '', await run(state, signal)) }),
  }
}

function stateOf(program: string, output: string): PowerState {
  const said = lastWords(output)
  const state = states[said.toLowerCase()]
  if (state) return state
  throw new LabError(`the command ${program} said ${JSON.stringify(said)}, which is no state`, {
    hint: 'It has to say on or off, 1 or 0.',
  })
}
