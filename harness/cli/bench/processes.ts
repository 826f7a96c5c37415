/** What /proc knows about the processes below another one. */
import { readdir, readFile } from 'node:fs/promises'

/** The unit of process times in /proc; Linux shows 100 a second to user space on every architecture of ours. */
const tickMs = 10

export type ProcessFacts = {
  pid: number
  /** The first 15 characters of the program's name. */
  name: string
  /** Milliseconds of the monotonic clock, within 10 ms: that of the fork, before any exec. */
  startedMs: number
}

/** CPU seconds that a process has used up to now, all its threads together, within 10 ms. */
export async function cpuSeconds(pid: number): Promise<number> {
  const facts = await factsOf(String(pid))
  return ((facts?.cpuTicks ?? 0) * tickMs) / 1000
}

/** Every process that descends from `ancestor` and still has its line of parents. */
export async function descendants(ancestor: number): Promise<ProcessFacts[]> {
  const offsetMs = await bootOffsetMs()
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(factsOf))
  const parents = new Map(all.flatMap((one) => (one ? [[one.pid, one.parent]] : [])))
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && (parent === ancestor || isBelow(parent))
  }
  return all
    .filter((one) => one !== undefined)
    .filter(({ pid }) => isBelow(pid))
    .map(({ pid, name, startTicks }) => ({ pid, name, startedMs: startTicks * tickMs - offsetMs }))
}

type Stat = { pid: number; name: string; parent: number; cpuTicks: number; startTicks: number }

/** `/proc/PID/stat`, proc_pid_stat(5): the name stands in brackets and may hold anything, the rest is numbers. */
async function factsOf(pid: string): Promise<Stat | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return {
      pid: Number(pid),
      name,
      parent: Number(fields[1]),
      cpuTicks: Number(fields[11]) + Number(fields[12]),
      startTicks: Number(fields[19]),
    }
  } catch {
    // It has ended in the meantime.
    return undefined
  }
}

/** Process times count the time that the host was suspended, the monotonic clock does not. */
async function bootOffsetMs(): Promise<number> {
  const before = monotonicMs()
  const [uptime] = (await readFile('/proc/uptime', 'latin1')).split(' ')
  const after = monotonicMs()
  const uptimeMs = Number(uptime) * 1000
  // However long a busy machine took for the reading: between the two, the clocks agree.
  if (uptimeMs > before - 2 * tickMs && uptimeMs < after + 2 * tickMs) return 0
  return uptimeMs - (before + after) / 2
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
