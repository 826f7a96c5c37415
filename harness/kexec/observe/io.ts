/** Keeps the devices busy while the kexec comes: disks are read and frames arrive. */
import { commandTimeoutMs, type Observer } from './observer.ts'

/** Enough to find a NIC that still receives, few enough to leave the emulation its time. */
const framesPerSecond = 50

export function keepingBusy(): Observer {
  let traffic: Disposable | undefined
  return {
    async prepare({ board, evidence, signal }) {
      // A disk behind USB shows up a second or two after its driver.
      const { disks = [] } = board.descriptor.machine ?? {}
      const { status, output } = await board.shell.run(`harness-io start ${disks.length}`, {
        timeoutMs: commandTimeoutMs,
        signal,
      })
      if (status !== 0)
        evidence.notes.push(`disks and NICs are idle: harness-io said ${output.trim().slice(-200)}`)
      traffic = board.sendTraffic?.(framesPerSecond)
    },
    async finish() {
      traffic?.[Symbol.dispose]()
      traffic = undefined
    },
  }
}
