/** Puts a board on its line, and says how the harness reaches it. */
import { join } from 'node:path'
import { ensureProgram, type ProgramToRun } from '../../images/host-packages.ts'
import type { Watch } from '../../images/progress.ts'
import type { BenchBoard, RigBoard } from './bench-board.ts'
import { type Bmc, cipherSuite, startBmc } from './bmc.ts'
import { openPty } from './pty.ts'
import { startSer2net } from './ser2net.ts'
import { openTelnetLine } from './telnet-line.ts'

/** What the parts of a rig share. */
export type Bench = {
  folder: string
  socat: ProgramToRun
  /** Control's script. */
  power: string
  user: string
  password: string
  /** Mode 0600. */
  passwordFile: string
  /** What is put here is closed with the rig, the last first. */
  resources: AsyncDisposableStack
  watch: Watch & { signal: AbortSignal }
}

export type Wired = { board: RigBoard; bench: BenchBoard; outlet: number; bmc?: Bmc; console: Section }
/** A section of a plain descriptor. */
export type Section = Record<string, unknown>
type Unwired = Pick<Wired, 'board' | 'bench' | 'outlet'>

/** The loopback, where everything of a rig listens. */
export const host = '127.0.0.1'

/** Throws LabError (a program that can't be had, a daemon that does not start) or the signal's reason. */
export async function wireConsole(unwired: Unwired, shared: Bench): Promise<Wired> {
  const { as, baud } = unwired.board.console
  if (as === 'ipmi-sol') return await serialOverLan(unwired, shared)
  const bmc = unwired.board.power.as === 'ipmi' ? { bmc: await addBmc(unwired, shared) } : {}
  if (as === 'telnet') return { ...unwired, ...bmc, console: await telnet(unwired, shared) }
  const { board, bench } = unwired
  const path = join(shared.folder, `tty-${board.name}`)
  const { socat, resources, watch } = shared
  const what = `the serial port of ${board.name}`
  const pty = resources.use(await openPty({ path, what, socat, end: bench, signal: watch.signal }))
  if (as === 'serial') {
    bench.wire(pty, pty)
    return { ...unwired, ...bmc, console: { type: 'serial', path, baud } }
  }
  // No UUCP lock: the port is nobody else's, and the lock file would outlive a ser2net that is killed.
  const ser2net = await addSer2net(unwired, shared, {
    accepter: `tcp,${host},PORT`,
    connector: `serialdev(nouucplock=true),${path},${baud}N81,local`,
  })
  bench.wire(pty, ser2net)
  return { ...unwired, ...bmc, console: { type: 'tcp', host, port: ser2net.port } }
}

/** RFC 2217 all the way: a PTY would take no settings and no BREAK. */
async function telnet(unwired: Unwired, shared: Bench): Promise<Section> {
  const { board, bench } = unwired
  const path = join(shared.folder, `line-${board.name}`)
  const line = shared.resources.use(await openTelnetLine({ path }, bench))
  const ser2net = await addSer2net(unwired, shared, {
    accepter: `telnet(rfc2217),tcp,${host},PORT`,
    connector: `telnet(rfc2217),unix,${path}`,
  })
  bench.wire(line, ser2net)
  return { type: 'telnet', host, port: ser2net.port, baud: board.console.baud }
}

async function serialOverLan(unwired: Unwired, shared: Bench): Promise<Wired> {
  const { bench } = unwired
  const line = shared.resources.use(await openTelnetLine('loopback', bench))
  const bmc = await addBmc(unwired, shared, line.port)
  bench.wire(line, bmc)
  const { user, passwordFile } = shared
  const login = { user, password: { file: passwordFile }, interface: 'lanplus', cipherSuite }
  return { ...unwired, bmc, console: { type: 'ipmi-sol', host, port: bmc.port, ...login } }
}

async function addSer2net(
  { board }: Unwired,
  { folder, resources, watch }: Bench,
  sides: { accepter: string; connector: string },
) {
  const program = await ensureProgram({ ...watch, program: 'ser2net', packages: ['ser2net'] })
  const { signal } = watch
  return resources.use(await startSer2net({ ...sides, board: board.name, folder, program, signal }))
}

async function addBmc({ board, outlet }: Unwired, shared: Bench, linePort?: number): Promise<Bmc> {
  const { folder, power, user, password, resources, watch } = shared
  const program = await ensureProgram({ ...watch, program: 'ipmi_sim', packages: ['openipmi'] })
  const login = { user, password, linePort, signal: watch.signal }
  return resources.use(await startBmc({ board: board.name, outlet, folder, program, power, ...login }))
}

/** Waits for all of them also where one fails, so that what they started can be closed. */
export async function settled<T>(promises: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}
