/** Power-ons of a QEMU board that go on from where an earlier cold boot had got to: its shell, and nothing typed yet. */
import { createHash } from 'node:crypto'
import { defaultCacheFolder } from '../../images/cache.ts'
import type { Machine, MachineOptions } from '../../qemu/machine.ts'
import { machineIdentity, saveState, whyNoState } from '../../qemu/state.ts'
import type { Line } from '../console/lines.ts'
import { WarmStates } from './warm-states.ts'

export type WarmStart = {
  /**
   * Switches the power on and loads the state that was kept of a cold boot with this command line; returns what that boot
   * said. undefined where none was kept: the power is still off. Throws LabError or UsageError where it does not load.
   */
  start(commandLine: string, signal: AbortSignal): Promise<Line[] | undefined>
  /** Keeps the state that the machine is in now, and what its console said. Throws LabError; the machine runs on. */
  keep(commandLine: string, lines: readonly Line[], signal: AbortSignal): Promise<void>
  /** Forgets what was kept: it is of no use. */
  discard(commandLine: string): Promise<void>
}

type Parts = {
  /** What the machine is started with. */
  options: (commandLine: string) => MachineOptions
  start: (options: MachineOptions) => Promise<void>
  running: () => Machine
  /** The way to the shell, with what is set up there: a state is of use to a board only that would go the same way. */
  stages: unknown
  states?: WarmStates | undefined
}

/** undefined where a state would not be all of the machine; see `whyNoState`. */
export function warmStart(parts: Parts): WarmStart | undefined {
  const { options, start, running, states = new WarmStates(defaultCacheFolder()) } = parts
  if (whyNoState(options('')) !== undefined) return undefined
  const nameOf = async (commandLine: string) => {
    // Boards of different names may be the same machine.
    const machine = await machineIdentity({ ...options(commandLine), name: '' })
    return createHash('sha256')
      .update(JSON.stringify([machine, parts.stages]))
      .digest('hex')
      .slice(0, 32)
  }
  return {
    async start(commandLine, signal) {
      const found = await states.find(await nameOf(commandLine))
      if (found) await start({ ...options(commandLine), state: found.state, signal })
      return found?.lines
    },
    async keep(commandLine, lines, signal) {
      await states.keep(await nameOf(commandLine), lines, (file) => saveState(running(), file, signal))
    },
    async discard(commandLine) {
      await states.discard(await nameOf(commandLine))
    },
  }
}
