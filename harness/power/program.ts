/** Programs that switch power: run once, their failure in words. */
import { execa } from 'execa'
import { LabError } from '../errors.ts'

export type ProgramRun = {
  /** Program and arguments; no shell reads them. */
  command: readonly string[]
  env?: Record<string, string>
  /** Debian package that the program is in. */
  debianPackage?: string
  signal: AbortSignal
}

/**
 * Runs a program to its end and returns what it wrote to standard output.
 * Throws LabError when it is missing or fails, with its last words, never its arguments; or the signal's reason.
 */
export async function runProgram(who: string, run: ProgramRun): Promise<string> {
  const { command, env = {}, debianPackage, signal } = run
  const [program = '', ...args] = command
  const result = await execa(program, args, {
    env,
    cancelSignal: signal,
    stdin: 'ignore',
    reject: false,
    maxBuffer: 1024 * 1024,
  })
  signal.throwIfAborted()
  if (!result.failed) return result.stdout
  if (result.code === 'ENOENT') {
    throw new LabError(`${who}: ${program} is not on this machine`, {
      hint: debianPackage ? `Install it: apt-get install ${debianPackage}` : 'Check its name and PATH.',
    })
  }
  const how =
    result.exitCode === undefined
      ? (result.signal ?? result.code ?? 'did not start')
      : `exit status ${result.exitCode}`
  const words = lastWords(result.stderr) || lastWords(result.stdout)
  throw new LabError(`${who}: ${program} failed (${how})${words && `: ${words}`}`)
}

/** The last line that a program wrote, cut to what a message can hold. */
export function lastWords(output: string): string {
  const lines = output.split(/\r?\n/).map((line) => line.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim())
  return (lines.findLast((line) => line !== '') ?? '').slice(0, 200)
}
