/**
 * Reads serial consoles on one core as the process does that keeps those of a run: recorded, cut into lines, offered at a
 * tee that nobody is attached to. Arguments and messages are those of serial-pexpect.py.
 */
import { execa } from 'execa'
import { ConsoleRecorder } from '../../console/recorder.ts'
import { openSharedConsole } from '../../console/shared-console.ts'
import { Transcript } from '../../console/transcript.ts'
import { serialSchema } from '../../console/transport/serial.ts'
import { endWithParent, tellParent } from './child.ts'

/** Resolves when the last line was read, or nothing more is to be waited for, and everything is on the disk. */
async function read(path: string, name: string): Promise<{ ended: Promise<void> }> {
  // Stamps in the log are seconds of the clock itself, so that they can be compared with the writer's.
  const recorder = new ConsoleRecorder({ folder, board: name, originNs: 0n, onFailure: fail })
  const transcript = new Transcript(recorder)
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = {
    bytes: (chunk: Buffer, atNs: bigint) => {
      for (const { text } of transcript.push(chunk, atNs).lines)
        if (text.includes('end of console')) resolve()
    },
    lost: (reason: string) => fail(new Error(`${name} was lost: ${reason}`)),
    back: () => {},
    gone: fail,
  }
  const line = serialSchema.parse({ type: 'serial', path })
  const board = `bench-${process.pid}-${name}`
  const console = await openSharedConsole({ board, line, events }, AbortSignal.timeout(openingMs))
  // Whatever is missing shows in the recording.
  setTimeout(resolve, timeoutMs)
  return {
    ended: promise.then(() => console[Symbol.asyncDispose]()).then(() => recorder[Symbol.dispose]()),
  }
}

function fail(error: Error): never {
  globalThis.console.error(error.message)
  process.exit(1)
}

endWithParent()
const openingMs = 30_000
const [cpu, timeoutSeconds, folder, ...paths] = process.argv.slice(2) as [string, string, string, ...string[]]
const timeoutMs = Number(timeoutSeconds) * 1000
await execa('taskset', ['--all-tasks', '--cpu-list', '--pid', cpu, String(process.pid)])
// A board's process has one console; Node warns of more than ten listeners to its exit.
process.setMaxListeners(paths.length + 10)
const readings = []
for (const [index, path] of paths.entries()) readings.push(await read(path, `console${index}`))
await tellParent({ pid: process.pid })
await Promise.all(readings.map(({ ended }) => ended))
await tellParent({})
// Stays until it is ended, so that what it took can be read from /proc.
setInterval(() => {}, 60_000)
