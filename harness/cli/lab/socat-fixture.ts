/** A serial line for tests: a PTY that the harness opens, and the other end of it. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { ensureProgram } from '../../../images/host-packages.ts'

/** Where the board would be. */
export type BoardEnd = AsyncDisposable & {
  /** What the board says. */
  say(text: string): void
  /** Resolves when the board has been told this. */
  hears(text: string): Promise<void>
}

/** Makes a PTY at `path`. Throws LabError where socat can't be had. */
export async function serialLine(path: string): Promise<BoardEnd> {
  const { path: program, env } = await ensureProgram({ program: 'socat', packages: ['socat'] })
  const socat = execa(program, ['STDIO', `PTY,link=${path},rawer,mode=0660`], {
    env,
    reject: false,
    buffer: false,
  })
  let heard = ''
  let wake = Promise.withResolvers<void>()
  socat.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
    wake.resolve()
    wake = Promise.withResolvers()
  })
  while (!existsSync(path)) await sleep(20)
  return {
    say: (text) => void socat.stdin.write(text),
    hears: async (text) => {
      while (!heard.includes(text)) await wake.promise
    },
    [Symbol.asyncDispose]: async () => {
      socat.kill()
      await socat
    },
  }
}
