/** A real labgrid coordinator and exporter on the loopback, with places of one's own. */
import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { ensureProgram } from '../../images/host-packages.ts'
import { ensureLabgrid } from '../../images/labgrid.ts'
import type { Watch } from '../../images/progress.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { keptFolder } from './folder.ts'

export type LabgridRigPlace = {
  name: string
  tags?: Record<string, string>
  aliases?: string[]
  /** What the exporter has for it, as its configuration says it: `{ RawSerialPort: { port: '/dev/pts/3' } }`. */
  resources: Record<string, Record<string, unknown>>
}

export type LabgridRig = AsyncDisposable & {
  /** HOST:PORT */
  readonly coordinator: string
  /** Ends the coordinator and starts it again on the same port, with nobody holding anything. */
  restartCoordinator(signal: AbortSignal): Promise<void>
}

export type LabgridPrograms = { coordinator: string; exporter: string; ser2net: string }

/** Throws LabError where one of them can't be got. */
export async function ensureLabgridPrograms(watch: Watch): Promise<LabgridPrograms> {
  const ser2net = await ensureProgram({ ...watch, program: 'ser2net', packages: ['ser2net'] })
  return {
    coordinator: await ensureLabgrid('labgrid-coordinator', watch),
    exporter: await ensureLabgrid('labgrid-exporter', watch),
    ser2net: ser2net.path,
  }
}

const exporterName = 'rig'

/** Starts both; serial ports are served by the ser2net that the exporter starts. Throws LabError or the signal's reason. */
export async function startLabgrid(
  programs: LabgridPrograms,
  places: readonly LabgridRigPlace[],
  signal: AbortSignal,
): Promise<LabgridRig> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await keptFolder()).path
  await writeConfiguration(folder, places)
  let { daemon: coordinator, address } = await startCoordinator(programs, folder, '127.0.0.1:0', signal)
  stack.defer(() => coordinator[Symbol.asyncDispose]())
  stack.use(await startExporter(programs, folder, address, signal))
  const rest = stack.move()
  return {
    coordinator: address,
    restartCoordinator: async (again) => {
      await coordinator[Symbol.asyncDispose]()
      coordinator = (await startCoordinator(programs, folder, address, again)).daemon
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

async function writeConfiguration(folder: string, places: readonly LabgridRigPlace[]): Promise<void> {
  const listed = places.map(({ name, tags = {}, aliases = [] }) => {
    const matches = [{ exporter: exporterName, group: name, cls: '*' }]
    return [name, { aliases, comment: '', tags, matches }]
  })
  const exported = places.map(({ name, resources }) => [name, resources])
  await writeFile(path.join(folder, 'places.yaml'), stringify(Object.fromEntries(listed)))
  await writeFile(path.join(folder, 'exporter.yaml'), stringify(Object.fromEntries(exported)))
}

async function startCoordinator(
  { coordinator }: LabgridPrograms,
  folder: string,
  listen: string,
  signal: AbortSignal,
): Promise<{ daemon: Daemon; address: string }> {
  let said = ''
  let listening = false
  const daemon = await startDaemon({
    // It keeps its places in the folder that it is started in.
    program: { path: 'env', extraArgs: ['-C', folder, coordinator], env: { PYTHONUNBUFFERED: '1' } },
    args: ['--listen', listen],
    what: "labgrid's coordinator",
    ready: ({ stdout }) => {
      if (!listening) stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
      listening = true
      return /^listening on \S+$/m.test(said)
    },
    signal,
  })
  return { daemon, address: /^listening on (\S+)$/m.exec(said)![1]! }
}

async function startExporter(
  { exporter, ser2net }: LabgridPrograms,
  folder: string,
  coordinator: string,
  signal: AbortSignal,
): Promise<Daemon> {
  // An exporter that is killed leaves its ser2net behind, so that dies with it.
  const wrapper = path.join(folder, 'ser2net')
  await writeFile(wrapper, `#!/bin/sh\nexec setpriv --pdeathsig KILL -- '${ser2net}' "$@"\n`)
  await chmod(wrapper, 0o755)
  return await startDaemon({
    program: {
      path: exporter,
      extraArgs: [],
      env: { PYTHONUNBUFFERED: '1', PATH: `${folder}:${process.env.PATH}` },
    },
    args: [
      '-c',
      coordinator,
      '-n',
      exporterName,
      '--hostname',
      '127.0.0.1',
      path.join(folder, 'exporter.yaml'),
    ],
    what: "labgrid's exporter",
    ready: ({ errors }) => /connected to coordinator/.test(errors),
    signal,
  })
}
