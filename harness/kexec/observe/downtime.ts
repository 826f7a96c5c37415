/** Downtime as a user feels it: the board is asked over its network before, during and after a kexec. */
import { guestAddressParameter } from '../../../qemu/ping.ts'
import type { Board } from '../../board/board.ts'
import { isQemu } from '../../board/kinds.ts'
import { systemClock } from '../../clock.ts'
import { Deadline } from '../../deadline.ts'
import type { Asking } from '../../probe-log.ts'
import { downtimeOf, type Moments } from './downtime-outage.ts'
import type { Observer } from './observer.ts'

/** Half a second of answers say that the network is there, not that a single packet came through. */
const answersToTrust = 10
/** How long the kernel that runs may take to answer: its shell does already, its network card may need a moment. */
const firstAnswersMs = 10_000

/** What the command line of every generation needs; nothing on boards that have their address from elsewhere. */
export function addressParameter({ descriptor }: Pick<Board, 'descriptor'>): string {
  return isQemu(descriptor) ? guestAddressParameter : ''
}

/** Whether the kernel that runs answers ICMP or TCP. Throws LabError where the host can't ask. */
export async function answersNetwork(board: Board, signal: AbortSignal): Promise<boolean> {
  await using asking = await board.askNetwork?.(signal)
  return asking !== undefined && (await answers(asking, firstAnswersMs, signal))
}

/** Asks through the whole of a cycle, and until the new kernel answers as steadily as the old one did. */
export function timingDowntime(): Observer {
  let asking: Asking | undefined
  let moments: Moments = { executeNs: 0n }
  return {
    async prepare({ board, evidence, signal }) {
      asking = await board.askNetwork?.(signal)
      if (!asking || !(await answers(asking, firstAnswersMs, signal)))
        evidence.notes.push('the board does not answer on its network: its downtime was not timed')
      moments = { executeNs: systemClock.nowNs() }
    },
    line({ atNs }, stage) {
      if (stage === 'gap') moments.lastOldNs ??= atNs
      else if (stage !== 'shutdown') moments.firstNewNs ??= atNs
    },
    async finish({ board, evidence, signal }, ready) {
      await using asked = asking
      asking = undefined
      if (!asked) return
      if (ready) await answers(asked, board.descriptor.limits.startupMs, signal)
      evidence.downtime = downtimeOf(asked, moments)
    },
  }
}

/** Whether one of the two kinds is answered again and again within a time. Throws only the signal's reason. */
async function answers({ icmp, tcp }: Asking, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  using limit = new Deadline(timeoutMs, signal)
  const over = new AbortController()
  const either = AbortSignal.any([limit.signal, over.signal])
  const both = [icmp, tcp].map((log) => log.answers(answersToTrust, either))
  try {
    const came = await Promise.any(both).then(
      () => true,
      () => false,
    )
    // The other kind gets a moment too: it may not be answered at all.
    const settled = Promise.allSettled(both)
    if (came) await Promise.race([settled, systemClock.sleep(otherKindMs, either).catch(() => {})])
    signal.throwIfAborted()
    return came
  } finally {
    over.abort()
  }
}
const otherKindMs = 1_000
