/** Commands that somebody looks at and types to, for tests. */
import { join } from 'node:path'
import { execa } from 'execa'
import { root } from '../paths.ts'

/** Starts a command, on a terminal of its own where that is asked for. */
export function interactive(words: string[], onTerminal: boolean) {
  const args = [join(root, 'harness', 'bootstrap.mjs'), ...words]
  // script(1) gives its terminal no size where it has none itself.
  const command = `stty rows 40 cols 100; exec ${[process.execPath, ...args].map((arg) => `'${arg}'`).join(' ')}`
  const child = onTerminal
    ? execa('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
        reject: false,
        env: { TERM: 'xterm', CI: '' },
      })
    : execa(process.execPath, args, { reject: false, stdin: 'ignore' })
  let text = ''
  let wake = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      wake.resolve()
      wake = Promise.withResolvers()
    })
  const ended = child.then(({ exitCode }) => exitCode)
  return {
    ended,
    type: (keys: string) => void child.stdin?.write(keys),
    stop: () => void child.kill('SIGINT'),
    says: async (pattern: RegExp) => {
      while (!pattern.test(text)) {
        const over = await Promise.race([wake.promise.then(() => false), ended.then(() => true)])
        if (over && !pattern.test(text)) throw new Error(`ended without ${pattern}: ${text}`)
      }
    },
  }
}
