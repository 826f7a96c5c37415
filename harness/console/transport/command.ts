/** A program's standard input and output: conserver's `console`, anything that leads to a console. */
import { z } from 'zod'
import { LabError } from '../../errors.ts'
import { command } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import type { Connect } from '../transport.ts'
import { Program } from './program.ts'
import { Trial } from './trial.ts'

export const commandSchema = z
  .strictObject({
    type: z.literal('command'),
    command: command.meta({
      description: 'The program and its arguments, one an item; no shell reads them.',
      examples: [['console', '-f', 'juno']],
    }),
    pace: paceSchema,
  })
  .meta({ description: "A program's standard input and output; it has to end when its input does." })
export type CommandConfig = z.infer<typeof commandSchema>

/** Starts the program. A BREAK is the program's own business, so there is none. */
export function connectCommand(config: CommandConfig): Connect {
  return async (sink, signal) => {
    signal.throwIfAborted()
    const trial = new Trial(sink)
    const program = new Program({
      command: config.command,
      onOutput: (chunk, atNs) => trial.bytes(chunk, atNs),
      onEnd: (how) => trial.ended(how),
    })
    try {
      const how = await trial.endsSoon(signal)
      if (how !== undefined) throw endedAtOnce(how, trial.said)
    } catch (error) {
      await program.close()
      throw error
    }
    return { write: (bytes) => program.write(bytes), close: () => program.close() }
  }
}

function endedAtOnce(how: string, said: string): LabError {
  return new LabError(`${how}${said && `, after ${JSON.stringify(said)}`}`, {
    hint: 'Try the command in a terminal: it has to stay and to lead to the console.',
  })
}
