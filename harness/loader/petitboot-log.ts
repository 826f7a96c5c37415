/** pb-discover's log, which has what the status line cuts (lib/log/log.c, discover/boot.c). */
import type { Shell } from '../console/shell.ts'
import type { Ui } from './menu-loader.ts'

/** Its place unless pb-discover is told another (discover/pb-discover.c). */
const log = '/var/log/petitboot/pb-discover.log'
/** Among them may be all of what `kexec` prints when it does not understand its arguments. */
const lines = 150
/** `[17:37:49] kexec_load: kexec load (-l) failed (rc 255): …`: the first line of what kexec said. */
const failedLoad = /^\[[\d:]+\] (?:\w+: )?(kexec load \((-\w+)\) failed \(rc \d+\)): (.*)$/
/** Which file is not there (start_url_load() and check_load() of discover/boot.c). */
const failedFile = /^\[[\d:]+\] ((?:Error starting load for|Failed to load) .+ (?:at|from) .+?)\r?$/gm
/** kexec_reboot() of discover/boot.c. */
const rebootCommand = /^ argv: '[^']*?(shutdown|kexec)'((?: '(?:-r|now|-e|-f)')+)\r?$/gm
const stamped = /^\[[\d:]+\] /
/** kexec-tools prints what it would have loaded (kexec/kexec.c, print_segments()). */
const segments = /^(?:entry +=|nr_segments =|segment\[\d+\]\.)/

/** Why petitboot did not boot, whole: its status, and what kexec said to each of its two attempts. */
export async function readRefusal(shell: Shell, status: string, { timeoutMs, signal }: Ui): Promise<string> {
  const { output } = await shell.run(`tail -n ${lines} ${log}`, { timeoutMs, signal })
  return wholeRefusal(status, output)
}

/** The status, not cut, and what the log says beyond it of the last boot. */
export function wholeRefusal(status: string, log: string): string {
  const loads = failedLoads(log)
  const last = loads.findLast(({ said }) => said !== '')?.said
  if (status.startsWith('kexec load failed') && last !== undefined) {
    // The status has what kexec said last; the first attempt may have failed for another reason.
    const others = loads.filter(({ said }) => said !== last)
    return [
      `kexec load failed: ${last}`,
      ...others.map(({ head, said }) => `${head}: ${said || '(no output)'}`),
    ].join('\n')
  }
  if (status.startsWith('kexec reboot failed')) {
    const tried = [...log.matchAll(rebootCommand)].map(
      ([, program, words]) => `${program}${words!.replaceAll("'", '')}`,
    )
    return [status, ...(tried.length > 0 ? [`tried: ${tried.slice(-3).join('; ')}`] : [])].join('\n')
  }
  const file = /^(?:Error loading|Couldn't load)/.test(status)
    ? [...log.matchAll(failedFile)].at(-1)?.[1]
    : undefined
  return file === undefined ? status : `${status}\n${file}`
}

type FailedLoad = { head: string; option: string; said: string }

/** The attempts of the last boot: it tries each way of loading once. */
function failedLoads(log: string): FailedLoad[] {
  const rows = log.split(/\r?\n/)
  const loads = rows.flatMap((row, index): FailedLoad[] => {
    const [, head, option, first] = failedLoad.exec(row) ?? []
    if (head === undefined) return []
    const rest = rows.slice(index + 1)
    const end = rest.findIndex((line) => stamped.test(line))
    const said = [first!, ...rest.slice(0, end === -1 ? undefined : end)]
    return [
      {
        head,
        option: option!,
        said: said
          .map((line) => line.trim())
          .filter(isTelling)
          .join('\n'),
      },
    ]
  })
  const lastFirst = loads.findLastIndex(({ option }) => option === loads[0]?.option)
  return loads.slice(Math.max(0, lastFirst))
}

function isTelling(line: string): boolean {
  return line !== '' && !segments.test(line)
}
