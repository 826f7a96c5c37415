/**
 * Reads serial consoles on one core as a run does with its boards': one link each, recorded, cut into lines, waited on.
 * Arguments and messages are those of serial-pexpect.py.
 */
import { execa } from 'execa'
import { Console } from '../../console/console.ts'
import { openLink } from '../../console/link.ts'
import { ConsoleRecorder } from '../../console/recorder.ts'
import { serialSchema } from '../../console/transport/serial.ts'
import { connectTo } from '../../console/transports.ts'
import { endWithParent, tellParent } from './child.ts'

/** Resolves when the last line was read, or nothing more is to be waited for, and everything is on the disk. */
async function read(path: string, name: string): Promise<{ ended: Promise<void> }> {
  // Stamps in the log are seconds of the clock itself, so that they can be compared with the writer's.
  const recorder = new ConsoleRecorder({ folder, board: name, originNs: 0n, onFailure: fail })
  const events = {
    bytes: (chunk: Buffer, atNs: bigint) => console.feed(chunk, atNs),
    lost: (reason: string) => fail(new Error(`${name} was lost: ${reason}`)),
    back: () => {},
    gone: fail,
  }
  const connect = await connectTo(serialSchema.parse({ type: 'serial', path }))
  const opening = AbortSignal.timeout(openingMs)
  const link = await openLink({ connect, events, what: name }, opening)
  const console = new Console(link, recorder)
  return {
    ended: untilEnd(console)
      .then(() => link[Symbol.asyncDispose]())
      .then(() => recorder[Symbol.dispose]()),
  }
}

async function untilEnd(console: Console): Promise<void> {
  // Whatever is missing shows in the recording.
  await console.expect('end of console', { timeoutMs, what: 'last line' }).catch(() => {})
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
