/** The way from power-on, or from a kexec, to a shell that answers. */
import { z } from 'zod'
import type { Console } from '../../console/console.ts'
import type { Line } from '../../console/lines.ts'
import type { Shell } from '../../console/shell.ts'
import { oneLine } from '../../values.ts'
import type { Descriptor } from '../descriptor.ts'

export const shellStageSchema = z
  .strictObject({
    type: z.literal('shell'),
    name: oneLine.optional().meta({ description: 'What messages call this stage.' }),
    login: oneLine.optional().meta({ description: 'User to log in as, where a login prompt comes first.' }),
    prompt: oneLine.default('# ').meta({ description: "The end of the shell's prompt, as plain text." }),
    ready: oneLine
      .optional()
      .meta({ description: 'Plain text that the console shows once the shell may be used.' }),
  })
  .meta({ description: 'A root shell on the console.' })
export type ShellStage = z.infer<typeof shellStageSchema>

export type ReachOptions = {
  /** Console position from which to look: what was said before belongs to an older kernel. */
  from: number
  timeoutMs: number
  signal?: AbortSignal
}

/**
 * Waits for the board's shell: its ready text or else its prompt, a login on the way, then an answer to a probe.
 * Returns the moment it was ready: that of the ready text where the descriptor names one, else of the prompt.
 * Throws ConsoleTimeout, ConsoleClosed or AbortError.
 */
export async function reachShell(
  console: Console,
  shell: Shell,
  stage: ShellStage,
  options: ReachOptions,
): Promise<Line> {
  const deadline = performance.now() + options.timeoutMs
  const left = () => Math.max(1, Math.round(deadline - performance.now()))
  const name = stage.name ?? 'shell'
  let from = options.from
  if (stage.login !== undefined) {
    const asked = await console.expect(/login: ?$/, {
      ...options,
      from,
      timeoutMs: left(),
      what: `login prompt of the ${name}`,
    })
    await console.write(`${stage.login}\n`)
    from = asked.end
  }
  const text = stage.ready ?? stage.prompt
  const ready = await console.expect(text, {
    ...options,
    from,
    timeoutMs: left(),
    what: `${JSON.stringify(text)} of the ${name}`,
  })
  await shell.synchronise(left(), options.signal)
  return { text: ready.text, atNs: ready.atNs, cut: false }
}

/** The stage whose shell runs the loader. */
export function shellStage(descriptor: Descriptor): ShellStage {
  return descriptor.stages.at(-1)!
}
