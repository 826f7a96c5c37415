/** `npm start`: from a fresh clone to a table of real kexecs on the default boards. */
import { run } from './run.ts'
import { parseRunFlags, type RunFlags } from './run-options.ts'

/** The boards that need nothing but this host. */
export const defaultBoards = ['qemu-x86_64', 'qemu-aarch64']

const cycles = '3'

/** Returns the exit status. */
export async function start(flags: RunFlags, signal: AbortSignal): Promise<number> {
  const options = await parseRunFlags(
    { ...flags, iterations: flags.iterations ?? cycles },
    { boards: defaultBoards, suites: ['timing'] },
  )
  const { status } = await run(options, signal)
  return status
}
