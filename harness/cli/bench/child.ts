/** Processes that a benchmark needs beside it: each ends with it, however that ends. */
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execaNode } from 'execa'
import { z } from 'zod'
import { LabError } from '../../errors.ts'
import { root } from '../paths.ts'

/** A Node process of ours; disposing it ends it. */
export type Child = AsyncDisposable & {
  /** The next message that it sends. Throws LabError when it ends instead, or AbortError. */
  message(): Promise<unknown>
}

const suitesConfig = z.object({ default: z.object({ nodeArguments: z.array(z.string()).default([]) }) })

/** What Node is told where it runs the suites of a board, so that a benchmark reads as a run does. */
export async function boardProcessArguments(): Promise<string[]> {
  const config = suitesConfig.parse(await import(join(root, 'ava.suites.config.js')))
  return config.default.nodeArguments
}

/** Starts a TypeScript file, which has to call `endWithParent`. */
export function startChild(
  file: URL,
  args: string[],
  signal: AbortSignal,
  nodeOptions: string[] = [],
): Child {
  const child = execaNode(fileURLToPath(file), args, {
    nodeOptions,
    ipc: true,
    stdin: 'ignore',
    stdout: 'ignore',
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 1_000,
  })
  const ended = child.then(({ exitCode, stderr }) => {
    signal.throwIfAborted()
    throw new LabError(
      `${basename(file.pathname)} ended with status ${exitCode ?? 'none'}: ${stderr.slice(-500)}`,
    )
  })
  ended.catch(() => {})
  const messages = child.getEachMessage()
  return {
    message: async () => {
      const next = await Promise.race([messages.next(), ended])
      return next.value
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended.catch(() => {})
    },
  }
}

/** Ends this process as soon as the one that started it is gone. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit(1))
  // A process that has done its work may end by itself.
  process.channel?.unref()
}

/** Sends a message to the process that started this one; resolves when it is on its way. */
export function tellParent(message: object): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  process.send!(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  return promise
}
