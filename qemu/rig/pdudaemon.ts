/** The real pdudaemon, whose local driver switches the rig's outlets. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../../harness/errors.ts'
import { ensureProgram, type ProgramToRun } from '../../images/host-packages.ts'
import type { Watch } from '../../images/progress.ts'
import { shellWord } from './control.ts'
import { type Daemon, hasPort, onFreePort, startDaemon } from './daemon.ts'

/** The PDU's name in pdudaemon's configuration. */
export const pduName = 'rig-pdu'

/** Throws LabError where it is not installed and can't be: a Python program does not run unpacked. */
export async function ensurePdudaemon(watch: Watch): Promise<ProgramToRun> {
  const hint = 'install it by hand: apt-get install --no-install-recommends pdudaemon'
  try {
    const program = await ensureProgram({ ...watch, program: 'pdudaemon', packages: ['pdudaemon'] })
    if (program.source !== 'unpacked') return program
  } catch (cause) {
    watch.signal?.throwIfAborted()
    throw new LabError('pdudaemon is not on this machine and can not be installed without root', {
      ...{ hint, cause },
    })
  }
  throw new LabError('pdudaemon has to be installed: unpacked it does not run', { hint })
}

export type PdudaemonOptions = {
  folder: string
  program: ProgramToRun
  /** Control's script. */
  power: string
  signal: AbortSignal
}

/** Starts it with its HTTP listener on a free port of the loopback. Throws LabError or the signal's reason. */
export async function startPdudaemon(options: PdudaemonOptions): Promise<{ daemon: Daemon; port: number }> {
  const { folder, program, signal } = options
  // The driver puts the outlet's number in by Python's `%`, and hands the command to a shell.
  const power = shellWord(options.power).replaceAll('%', '%%')
  const pdu = { driver: 'localcmdline', cmd_on: `${power} on %s`, cmd_off: `${power} off %s` }
  return await onFreePort('tcp', async (port) => {
    const config = join(folder, 'pdudaemon.json')
    const settings = { hostname: '127.0.0.1', port, logging_level: 'INFO', listener: 'http' }
    await writeFile(config, JSON.stringify({ daemon: settings, pdus: { [pduName]: pdu } }))
    const daemon = await startDaemon({
      ...{ program, signal, what: 'pdudaemon of the rig' },
      args: [`--conf=${config}`],
      ready: (started) => hasPort(started, 'tcp', port),
    })
    return { daemon, port }
  })
}
