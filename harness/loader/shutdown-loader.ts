/**
 * Loaders that ask the system for a shutdown, at whose end a kernel is started that kexec-tools loaded before: one file
 * each, with the command that asks.
 */
import { systemClock } from '../clock.ts'
import type { CommandResult, Shell } from '../console/shell.ts'
import { kexecTools } from './kexec-tools.ts'
import type { ShellLoader, StepOptions } from './loader.ts'

type Parts = {
  name: string
  /** What is typed; a status other than 0 means that there will be no shutdown. */
  command: string
}

/** A loader whose execute is a command that shuts the system down. */
export function shutdownLoader({ name, command }: Parts): ShellLoader {
  return {
    ui: 'shell',
    name,
    cannot: ({ ifdown }) =>
      ifdown ? undefined : `${name} shuts the system down, and its network with it: it knows no -x`,
    load: kexecTools.load,
    execute: (shell, _method, options) => shutDown(shell, command, options),
    unload: kexecTools.unload,
  }
}

/**
 * Runs the command. One that worked comes back at once, before the shutdown says its first word, so a shell that
 * answers is no failure: then this waits for the new kernel, which ends it by the signal, as long as its limit allows.
 */
async function shutDown(shell: Shell, command: string, options: StepOptions): Promise<CommandResult> {
  const beganMs = performance.now()
  const result = await shell.run(command, options)
  if (result.status !== 0) return result
  await systemClock.sleep(Math.max(0, options.timeoutMs - (performance.now() - beganMs)), options.signal)
  const output = `\`${command}\` was accepted, but no new kernel came: ${result.output.trim()}`
  return { ...result, output }
}
