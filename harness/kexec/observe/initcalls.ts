/** What the new kernel's start is made of: its slowest initcalls and probes, read from its log once it is up. */
import { parseTimedCalls, timedCallScript } from '../../detect/initcalls.ts'
import type { Observed } from './observed.ts'
import { commandTimeoutMs, type Observer, type Occasion } from './observer.ts'

/**
 * What the new kernel's command line needs (Documentation/admin-guide/kernel-parameters.txt). The messages are KERN_DEBUG, which
 * the usual loglevel keeps off the console; the log must hold some thousands of them until somebody reads it.
 */
export const initcallParameters = 'initcall_debug log_buf_len=4M'

const kept = 30
const slowest = `dmesg | sed -n ${timedCallScript} | sort -rn | head -n ${kept} | cut -c 1-160`
const about = [
  "echo calls=$(dmesg | grep -c 'initcall .* returned')",
  "begin=$(dmesg | grep -c 'Linux version')",
  "init=$(dmesg | sed -n 's/^\\[ *\\([0-9.]*\\)\\].*Run .* as init process.*/\\1/p' | head -n 1)",
].join(' ')

/** The new kernel has to be started with `initcallParameters`. Nothing but a shell, dmesg and busybox's tools is asked of the board. */
export function readingInitcalls(): Observer {
  return {
    async finish(occasion, ready) {
      if (!ready) return
      const { evidence } = occasion
      const read = await readInitcalls(occasion)
      if (typeof read === 'string') evidence.notes.push(`the initcalls are not known: ${read}`)
      else evidence.initcalls = read
    },
  }
}

/** Reads them, or says why not. */
async function readInitcalls({
  board,
  evidence,
  signal,
}: Occasion): Promise<NonNullable<Observed['initcalls']> | string> {
  const options = { timeoutMs: commandTimeoutMs, signal }
  const { output } = await board.shell.run(slowest, options)
  const facts = (await board.shell.run(about, options)).output
  // The next shutdown of this kernel would tell of each device, and take longer for it.
  await board.shell.run('echo 0 >/sys/module/kernel/parameters/initcall_debug', options)
  const calls = parseTimedCalls(output)
  if (calls.length === 0) return `its log said ${JSON.stringify(output.trim().slice(-200))}`
  if (/\bbegin=0\b/.test(facts))
    evidence.notes.push('the beginning of the log is lost: slow initcalls may be missing')
  const initS = Number(/\binit=(\d{1,8}\.\d{1,9})\b/.exec(facts)?.[1] ?? Number.NaN)
  return {
    count: Number(/\bcalls=(\d{1,6})\b/.exec(facts)?.[1] ?? calls.length),
    calls: calls.map(({ endS, ...call }) => ({
      ...call,
      phase:
        endS === null || Number.isNaN(initS) ? phaseOf(call.module) : endS <= initS ? 'startup' : 'userspace',
    })),
  }
}

/** Where stamps do not tell: an initramfs loads its modules after init has begun. */
function phaseOf(module: string | null): 'startup' | 'userspace' {
  return module === null ? 'startup' : 'userspace'
}
