/** The bench rig: QEMU boards that the harness reaches through the transports and power switches of a real rack. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../harness/errors.ts'
import { BenchBoard, type RigBoard } from './bench-board.ts'
import { type Bench, settled, wireConsole } from './consoles.ts'
import { openControl } from './control.ts'
import { ensureUBoot } from './firmware.ts'
import { keptFolder } from './folder.ts'
import { ensureSocat } from './pty.ts'
import { startSwitches } from './switches.ts'

export type { RigBoard } from './bench-board.ts'

/** Sections of a plain descriptor, as one of a real board has them: `{type: 'serial', path, baud}` and so on. */
export type RigConnection = { console: Record<string, unknown>; power: Record<string, unknown> }

export type RigOptions = {
  /** Told what is being started, what faults come, and what went wrong with a machine. */
  progress?: (text: string) => void
  /** Aborts the start; a rig that was started ends by being closed. */
  signal: AbortSignal
}

/** Whom the BMCs and the web page know. The password is made for each rig and lies in a file of its folder. */
const user = 'rig'

/**
 * Starts what the boards need: serial ports, ser2net, BMCs, PDUs. Every board is off.
 * Start it from the main thread: what it starts ends with the thread (prctl(2), PR_SET_PDEATHSIG).
 * Throws LabError (a program that can't be had, a daemon that does not start), UsageError (two boards of one name,
 * no U-Boot for that architecture) or the signal's reason.
 */
export async function startRig(
  boards: RigBoard[],
  { progress = () => {}, signal }: RigOptions,
): Promise<Rig> {
  signal.throwIfAborted()
  const watch = { progress, signal }
  await using resources = new AsyncDisposableStack()
  const { path: folder } = resources.use(await keptFolder())
  const socat = await ensureSocat(watch)
  const benches = await Promise.all(
    boards.map(async (board) => new BenchBoard(await bootable(board), progress)),
  )
  const outlets = new Map(benches.map((bench, index) => [index + 1, bench]))
  const control = resources.use(await openControl({ folder, socat, outlets }))
  const password = randomBytes(8).toString('hex')
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  const login = { user, password, passwordFile }
  const shared: Bench = { folder, socat, power: control.script, ...login, resources, watch }
  const wired = await settled(
    boards.map((board, index) => wireConsole({ board, bench: benches[index]!, outlet: index + 1 }, shared)),
  )
  const power = await startSwitches(wired, shared)
  // Closed first: the machines, while everything that they are connected to is still there.
  for (const bench of benches) resources.use(bench)
  const connections = new Map(
    wired.map(({ board: { name }, console }) => [name, { console, power: power.get(name)! }]),
  )
  return new Rig(new Map(benches.map((bench) => [bench.name, bench])), connections, resources.move())

  async function bootable(board: RigBoard): Promise<RigBoard> {
    if (boards.filter(({ name }) => name === board.name).length > 1)
      throw new UsageError(`two boards of the rig are called ${board.name}`)
    if (board.rig.firmware === 'none') return board
    const firmware = ['-bios', await ensureUBoot(board.arch, watch)]
    const machine = { ...board.machine, extraArgs: [...firmware, ...(board.machine.extraArgs ?? [])] }
    const { kernel, initramfs, append, ...rest } = board
    return { ...rest, machine }
  }
}

/** A rig that runs. Close it with `await using`: boards are switched off, daemons end, nothing is left. */
export class Rig implements AsyncDisposable {
  readonly #boards: ReadonlyMap<string, BenchBoard>
  readonly #connections: ReadonlyMap<string, RigConnection>
  readonly #resources: AsyncDisposableStack

  constructor(
    boards: ReadonlyMap<string, BenchBoard>,
    connections: ReadonlyMap<string, RigConnection>,
    resources: AsyncDisposableStack,
  ) {
    this.#boards = boards
    this.#connections = connections
    this.#resources = resources
  }

  /** How that board is reached. Throws UsageError where the rig has no such board. */
  connection(board: string): RigConnection {
    return this.#connections.get(board) ?? unknownBoard(board)
  }

  /** Whether that board's machine runs now. Throws UsageError where the rig has no such board. */
  isOn(board: string): boolean {
    return (this.#boards.get(board) ?? unknownBoard(board)).isOn
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]()
  }
}

function unknownBoard(board: string): never {
  throw new UsageError(`the rig has no board ${board}`)
}
