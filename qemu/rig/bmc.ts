/** A board's BMC: OpenIPMI's ipmi_sim, with chassis control over the board's outlet and serial over LAN. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgramToRun } from '../../images/host-packages.ts'
import { shellWord } from './control.ts'
import { type Daemon, hasPort, onFreePort, startDaemon } from './daemon.ts'
import type { Plug } from './line.ts'

export type BmcOptions = {
  board: string
  outlet: number
  folder: string
  program: ProgramToRun
  /** Control's script. */
  power: string
  user: string
  password: string
  /** Port of a telnet server that is the board's serial line; absent: no serial over LAN. */
  linePort?: number | undefined
  signal: AbortSignal
}

/**
 * Cipher suite that ipmi_sim knows (RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128 in the IPMI 2.0 specification's
 * table 22-20); ipmitool's own choice, 17, is one that it refuses.
 */
export const cipherSuite = 3

/** Starts it on a free UDP port of the loopback. Throws LabError or the signal's reason. */
export async function startBmc(options: BmcOptions): Promise<Bmc> {
  return await onFreePort('udp', async (port) => {
    const bmc = new Bmc(options, port)
    await bmc.push()
    return bmc
  })
}

export class Bmc implements Plug, AsyncDisposable {
  readonly port: number
  readonly #options: BmcOptions
  #daemon: Daemon | undefined

  constructor(options: BmcOptions, port: number) {
    this.#options = options
    this.port = port
  }

  async push(): Promise<void> {
    const { board, program, signal } = this.#options
    const folder = join(this.#options.folder, `bmc-${board}`)
    await mkdir(join(folder, 'state'), { recursive: true })
    await writeFile(join(folder, 'chassis'), this.#chassisScript(), { mode: 0o700 })
    // The password is in it.
    await writeFile(join(folder, 'lan.conf'), this.#lanConfiguration(folder), { mode: 0o600 })
    await writeFile(join(folder, 'start.emu'), startCommands)
    this.#daemon = await startDaemon({
      ...{ program, signal, what: `ipmi_sim of ${board}` },
      args: [
        ...['-n', '-c', join(folder, 'lan.conf'), '-f', join(folder, 'start.emu')],
        ...['-s', join(folder, 'state')],
      ],
      ready: (daemon) => hasPort(daemon, 'udp', this.port),
    })
  }

  async pull(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pull()
  }

  /** ipmi_lan(5). */
  #lanConfiguration(folder: string): string {
    const { user, password, linePort } = this.#options
    const levels = ['callback', 'user', 'operator', 'admin']
    return [
      'name "rig"',
      'set_working_mc 0x20',
      'startlan 1',
      `  addr 127.0.0.1 ${this.port}`,
      '  priv_limit admin',
      ...levels.map((level) => `  allowed_auths_${level} md5`),
      // Anything will do, but `ipmitool -I lanplus` wants one.
      '  guid a123456789abcdefa123456789abcdef',
      'endlan',
      `chassis_control "${join(folder, 'chassis')} 0x20"`,
      ...(linePort === undefined ? [] : [`sol "telnet:127.0.0.1:${linePort}" 115200`]),
      `user 2 true "${user}" "${password}" admin 10 md5`,
      '',
    ].join('\n')
  }

  /** ipmi_sim runs it as `chassis MC get power` and `chassis MC set power|reset VALUE`. */
  #chassisScript(): string {
    const { power, outlet } = this.#options
    const run = `exec ${shellWord(power)}`
    return [
      '#!/bin/sh',
      '# Written by qemu/rig/bmc.ts.',
      'case "$2 $3 $4" in',
      `'get power '*) case $(${shellWord(power)} state ${outlet}) in`,
      '  on) echo power:1 ;;',
      '  off) echo power:0 ;;',
      '  *) exit 1 ;;',
      'esac ;;',
      `'set power 1') ${run} on ${outlet} ;;`,
      `'set power 0') ${run} off ${outlet} ;;`,
      `'set reset '*) ${run} reset ${outlet} ;;`,
      '*) exit 1 ;;',
      'esac',
      '',
    ].join('\n')
  }
}

/** ipmi_sim_cmd(5): one management controller with an event log. */
const startCommands = [
  'mc_setbmc 0x20',
  'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr',
  'sel_enable 0x20 1000 0x0a',
  'mc_enable 0x20',
  '',
].join('\n')
