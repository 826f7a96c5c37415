/**
 * How long the new kernel's initcalls and probes took, as `initcall_debug` has them told in its log: `initcall acpi_init+0x0/0x32c
 * returned 0 after 34567 usecs` (init/main.c, do_trace_initcall_finish()) and, from 5.10 on, `probe of 0000:00:05.0 returned 0
 * after 52 usecs` (drivers/base/dd.c, really_probe_debug()).
 */

export type TimedCall = {
  /** initcall: a function that runs once at boot, or when its module is loaded; probe: a driver gets a device. */
  kind: 'initcall' | 'probe'
  /** The function, or the device. */
  name: string
  /** null where it is built in, and for probes, whose line does not say. */
  module: string | null
  returned: number
  us: number
  /** When it came back, the kernel's own clock, seconds; null where its log has no stamps. */
  endS: number | null
}

/** Far longer than a function's or a device's name. */
const maxName = 100
const mostCalls = 100

/**
 * One sed program for the board: of each line that tells a time `US KIND RETURNED SECONDS NAME`, sortable by its first word.
 * Brackets are left out, since what looks like a kernel message is taken out of a command's output.
 */
export const timedCallScript = ['initcall', 'probe of']
  .map(
    (words) =>
      `s/^\\(\\[ *\\([0-9.]*\\)\\]\\)\\{0,1\\}.*${words} \\(.*\\) returned \\(-\\{0,1\\}[0-9]*\\) after \\([0-9]*\\) usecs.*$/\\5 ${words.split(' ')[0]} \\4 \\2 \\3/p`,
  )
  .map((script) => `-e '${script}'`)
  .join(' ')

const timed = /^(\d{1,12}) (initcall|probe) (-?\d{1,10}) (|\d{1,8}\.\d{1,9}) (\S.*)$/
const symbol = /^(\w[\w.$]*)\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[([\w-]+)\])?/

/** Parses what `timedCallScript` printed; lines that are something else are left out. Slowest first. */
export function parseTimedCalls(output: string): TimedCall[] {
  const calls = output.split('\n').flatMap((line): TimedCall[] => {
    const [, us, kind, returned, endS, rest] = timed.exec(line.trim().slice(0, 300)) ?? []
    if (rest === undefined) return []
    const found = kind === 'initcall' ? symbol.exec(rest) : null
    return [
      {
        kind: kind as TimedCall['kind'],
        name: (found?.[1] ?? rest).slice(0, maxName),
        module: found?.[2]?.slice(0, maxName) ?? null,
        ...{ returned: Number(returned), us: Number(us), endS: endS ? Number(endS) : null },
      },
    ]
  })
  return calls.sort((one, other) => other.us - one.us).slice(0, mostCalls)
}
