/** Whose board it is: a lock that the kernel takes back when its holder dies, and a note of who that is. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { hostname, tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { LabError } from '../errors.ts'

const holder = z.object({
  user: z.string(),
  host: z.string(),
  pid: z.number(),
  command: z.string(),
  /** ISO 8601. */
  since: z.string(),
})
export type LockHolder = z.infer<typeof holder>

/** FHS 3.0, 5.9: device lock files are in /run/lock, where every user of a lab host may make one. */
const lockFolder = isWritable('/run/lock') ? '/run/lock' : tmpdir()

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** A held lock; disposing it, or the end of this process in any way, releases it. */
export class BoardLock implements Disposable {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  [Symbol.dispose](): void {
    ftruncateSync(this.#fd)
    closeSync(this.#fd)
  }
}

/**
 * Takes a board for this process. Throws LabError: held by whom, since when, by which command.
 * @param command what the holder does, in the words of its command line
 */
export async function takeLock(board: string, command: string, folder = lockFolder): Promise<BoardLock> {
  const file = lockFile(board, folder)
  const fd = openLockFile(file)
  try {
    // Whoever asks for the holder has the lock for a blink.
    if (!(await flock(fd, '--timeout=1'))) throw held(board, readHolder(file))
    const { username: user } = userInfo()
    const note: LockHolder = {
      user,
      host: hostname(),
      pid: process.pid,
      command,
      since: new Date().toISOString(),
    }
    ftruncateSync(fd)
    writeSync(fd, `${JSON.stringify(note)}\n`, 0)
    return new BoardLock(fd)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Who holds a board now; undefined where nobody does, null where somebody does who left no note. */
export async function holderOf(board: string, folder = lockFolder): Promise<LockHolder | null | undefined> {
  const file = lockFile(board, folder)
  if (!existsSync(file)) return undefined
  const fd = openLockFile(file)
  try {
    return (await flock(fd)) ? undefined : (readHolder(file) ?? null)
  } finally {
    closeSync(fd)
  }
}

/** A holder in the words of a person: `lab (pid 4711 on rack1) since …: npm test -- --board juno`. */
export function describeHolder(who: LockHolder | null | undefined): string {
  if (!who) return 'somebody who left no note'
  return `${who.user} (pid ${who.pid} on ${who.host}) since ${who.since}: ${who.command}`
}

function lockFile(board: string, folder: string): string {
  return path.join(folder, `kexec-harness-${board}.lock`)
}

/**
 * Opened without O_CREAT where it exists: in a sticky folder the kernel refuses O_CREAT on another user's file
 * (Documentation/admin-guide/sysctl/fs.rst, protected_regular).
 */
function openLockFile(file: string): number {
  try {
    if (existsSync(file)) return openSync(file, 'r+')
    const fd = openSync(file, 'a+')
    chmodSync(file, 0o666)
    closeSync(fd)
    return openSync(file, 'r+')
  } catch (cause) {
    throw new LabError(
      `the lock file ${file} can't be opened: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      {
        hint: 'Every user of the rack has to be able to write to it: chmod 666 it, or remove it while no run uses the board.',
        cause,
      },
    )
  }
}

/**
 * flock(2) through util-linux, since Node has none. The lock belongs to the open file, not to a process: it stays
 * with ours when flock(1) has ended, and goes when ours is closed or this process dies.
 */
async function flock(fd: number, patience = '--nonblock'): Promise<boolean> {
  // Not execa, whose types know no inherited file descriptor beyond the third.
  const child = spawn('flock', [patience, '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })
  let why = ''
  child.on('error', (error) => {
    why = error.message
  })
  const [status] = await once(child, 'close')
  if (status === 0) return true
  // flock(1): "exit status 1 if the lock cannot be acquired with --nonblock".
  if (status === 1) return false
  throw new LabError(`flock does not work here: ${why || `it ended with status ${status}`}`, {
    hint: 'Install util-linux.',
  })
}

function readHolder(file: string): LockHolder | undefined {
  try {
    return holder.parse(JSON.parse(readFileSync(file, 'utf8').slice(0, 4096)))
  } catch {
    return undefined
  }
}

function held(board: string, who: LockHolder | undefined): LabError {
  return new LabError(`${board} is in use by ${describeHolder(who)}`, {
    board,
    hint: 'Wait for its end, or ask its holder. `npm run console -- BOARD` shows what the board says meanwhile.',
  })
}
