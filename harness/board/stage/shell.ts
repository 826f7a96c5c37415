/** The way from power-on, or from a kexec, to a shell that answers. */
import { z } from 'zod'
import type { Console } from '../../console/console.ts'
import type { Line } from '../../console/lines.ts'
import { Shell } from '../../console/shell.ts'
import { BoardError, UsageError } from '../../errors.ts'
import { oneLine } from '../../values.ts'
import type { Descriptor } from '../descriptor.ts'
import { type LoginStage, logIn } from './login.ts'
import type { RunStage } from './stage.ts'
import { stageKeys, startLimit } from './stage-keys.ts'

export const shellStageSchema = z
  .strictObject({
    type: z.literal('shell'),
    ...stageKeys,
    login: oneLine.optional().meta({ description: 'User to log in as, where a login prompt comes first.' }),
    prompt: oneLine.default('# ').meta({ description: "The end of the shell's prompt, as plain text." }),
    ready: oneLine
      .optional()
      .meta({ description: 'Plain text that the console shows once the shell may be used.' }),
    setup: z.array(oneLine).default([]).meta({
      description: 'Commands to run each time that the shell is reached; each has to succeed.',
    }),
  })
  .meta({ description: 'A root shell on the console.' })
export type ShellStage = z.infer<typeof shellStageSchema>

/** A shell and the logins on the way to it, all of which come again with each new kernel. */
export type KernelShell = ShellStage & { logins?: readonly LoginStage[] }

export type ReachOptions = {
  /** Console position from which to look: what was said before belongs to an older kernel. */
  from: number
  timeoutMs: number
  signal?: AbortSignal
}

/**
 * Waits for the board's shell: logins on the way, its ready text or else its prompt, an answer to a probe, its setup.
 * Returns the moment it was ready: that of the ready text where the descriptor names one, else of the prompt.
 * Throws ConsoleTimeout, ConsoleClosed, LabError (a refused login), BoardError (a setup that failed) or AbortError.
 */
export async function reachShell(
  console: Console,
  shell: Shell,
  stage: KernelShell,
  options: ReachOptions,
): Promise<Line> {
  const left = startLimit(stage.limit, options)
  const { signal = new AbortController().signal } = options
  const name = stage.name ?? 'shell'
  let { from } = options
  for (const login of stage.logins ?? [])
    from = await logIn(login, { console, from, timeoutMs: left(), signal }, stage.prompt)
  if (stage.login !== undefined) {
    const asked = await console.expect(/login: ?$/, {
      ...{ from, signal, timeoutMs: left() },
      what: `login prompt of the ${name}`,
    })
    await console.write(`${stage.login}\n`)
    from = asked.end
  }
  const text = stage.ready ?? stage.prompt
  const ready = await console.expect(text, {
    ...{ from, signal, timeoutMs: left() },
    what: `${JSON.stringify(text)} of the ${name}`,
  })
  await shell.synchronise(left(), signal)
  for (const command of stage.setup) await setUp(shell, command, name, left(), signal)
  return { text: ready.text, atNs: ready.atNs, cut: false }
}

async function setUp(
  shell: Shell,
  command: string,
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { status, output } = await shell.run(command, { timeoutMs, signal })
  if (status === 0) return
  const said = output.trim().slice(-300)
  throw new BoardError(
    `setup of the ${name}: \`${command}\` failed (status ${status})${said && `: ${JSON.stringify(said)}`}`,
  )
}

/** A shell as a stage of its own; returns the position after its answer. */
export const runShell: RunStage<KernelShell> = async (stage, { console, from, timeoutMs, signal }) => {
  const shell = new Shell(console, { prompt: stage.prompt })
  await reachShell(console, shell, stage, { from, timeoutMs, signal })
  return console.position
}

/**
 * The stages that every kernel of the board has: the last shell and the logins before it, which come again after each
 * kexec. Throws UsageError where the last stage is no shell.
 */
export function kernelStages({ stages, name }: StagesOf): { logins: LoginStage[]; shell: ShellStage } {
  const shell = stages.at(-1)
  if (shell?.type !== 'shell')
    throw new UsageError(`the last stage of ${name} is ${shell?.type ?? 'missing'}, not a shell`, {
      hint: 'End stages with { type: shell }: that is where the loader runs.',
    })
  const before = stages.slice(0, -1)
  const first = before.findLastIndex(({ type }) => type !== 'login') + 1
  return { logins: before.slice(first) as LoginStage[], shell }
}
type StagesOf = Pick<Descriptor, 'stages' | 'name'>

/** The stages before those of a kernel, which only a power-on has: firmware, menus, a service Linux. */
export function firmwareStages(descriptor: StagesOf): Descriptor['stages'] {
  const { stages } = descriptor
  return stages.slice(0, stages.length - 1 - kernelStages(descriptor).logins.length)
}

/** The shell that runs the loader, with its logins. */
export function shellStage(descriptor: StagesOf): KernelShell {
  const { logins, shell } = kernelStages(descriptor)
  return { ...shell, logins }
}
