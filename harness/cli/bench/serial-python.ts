/** Python programs that a benchmark needs beside it: each ends with it, however that ends. */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { LabError } from '../../errors.ts'
import type { Child } from './child.ts'

/** Debian's own, which is the one that Debian's packages of modules are for. */
const python = '/usr/bin/python3'

export type PythonChild = Child & {
  /** Sends a line, which the program takes for the word to begin. */
  begin(): void
}

/** Starts a program that prints a line of JSON for each message and ends when its standard input does. */
export function startPython(file: URL, args: string[], signal: AbortSignal): PythonChild {
  const child = execa(python, [fileURLToPath(file), ...args], {
    stdin: 'pipe',
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 1_000,
  })
  const ended = child.then(({ exitCode, stderr }): never => {
    signal.throwIfAborted()
    throw new LabError(
      `${basename(file.pathname)} ended with status ${exitCode ?? 'none'}: ${stderr.slice(-500)}`,
    )
  })
  ended.catch(() => {})
  const lines = child.iterable()
  return {
    begin: () => void child.stdin.write('begin\n'),
    message: async () => {
      const next = await lines.next().catch(() => ended)
      return next.done ? await ended : (JSON.parse(next.value) as unknown)
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended.catch(() => {})
    },
  }
}

/** Whether Python is here and has these modules. */
export async function hasPython(modules: string[], signal: AbortSignal): Promise<boolean> {
  const code = modules.map((module) => `import ${module}`).join('\n')
  const { failed } = await execa(python, ['-c', code], { reject: false, cancelSignal: signal })
  signal.throwIfAborted()
  return !failed
}
