/** A console whose other end is a function of what was typed, for what a real firmware can't be made to do. */
import { Console } from '../../console/console.ts'
import type { StageContext } from './stage.ts'

export type SimulatedBoard = {
  console: Console
  /** Everything that was typed. */
  typed: () => string
  say: (text: string) => void
  context: (more?: Partial<StageContext>) => StageContext
}

/** `answer` hears each piece that is typed and may say something. */
export function simulatedBoard(answer: (piece: string, say: (text: string) => void) => void): SimulatedBoard {
  let typed = ''
  const say = (text: string) => console.feed(Buffer.from(text), process.hrtime.bigint())
  const console: Console = new Console({
    write: async (bytes) => {
      typed += bytes.toString()
      // Never within the write: no board answers before it was asked.
      setImmediate(() => answer(bytes.toString(), say))
    },
  })
  const signal = new AbortController().signal
  return {
    console,
    typed: () => typed,
    say,
    context: (more) => ({ console, from: 0, commandLine: '', timeoutMs: 30_000, signal, ...more }),
  }
}
