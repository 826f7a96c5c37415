/**
 * pxe-kexec 0.2.4 (pxe-kexec(8), in Debian 11 and before): fetches a pxelinux.cfg by TFTP and loads what one of its
 * entries names. The command line is the server's: the harness's own server gives each cycle's to the entry. With
 * `dialogue` it is driven as a person does, who can also add to the command line, so that any server will do.
 */
import type { LoaderChoice } from '../board/loader-types.ts'
import type { Console } from '../console/console.ts'
import { quote } from '../console/shell.ts'
import { LabError, UsageError } from '../errors.ts'
import { kexecTools, runAndReadLoaded } from './kexec-tools.ts'
import type { LoadMethod, ShellLoader } from './loader.ts'

type Options = Omit<Extract<LoaderChoice, { type: 'pxe-kexec' }>, 'type'>

/** The loader for one entry of one server. */
export function pxeKexec(choice: Options): ShellLoader {
  const { label, dialogue } = choice
  return {
    ui: 'shell',
    name: 'pxe-kexec',
    cannot,
    async load(shell, target, _method, options) {
      if (!target.serve && !dialogue)
        throw new UsageError('this board has no TFTP server that the harness could tell a nonce', {
          hint: 'With `dialogue: true` pxe-kexec is told the nonce itself, whatever server it asks.',
        })
      await target.serve?.(label, dialogue ? '' : target.append)
      const result = await runAndReadLoaded(shell, pxeCommand(choice), 'kernel', {
        ...options,
        talk: (console, from, signal) =>
          answer(console, { ...choice, append: target.append, from, timeoutMs: options.timeoutMs, signal }),
      })
      // It is content with having been told to quit: whether something is loaded is what counts.
      const status = result.status === 0 && result.loaded === false ? 1 : result.status
      return { ...result, status, output: saidOf(result.output) }
    },
    execute: kexecTools.execute,
    unload: kexecTools.unload,
  }
}

/** It calls `kexec -l` with a kernel, an initramfs and a command line, and with nothing else. */
function cannot({ syscall, checks }: LoadMethod): string | undefined {
  if (syscall !== 'kexec_load')
    return `pxe-kexec leaves the system call to kexec-tools: it knows no ${syscall}`
  return checks ? undefined : 'pxe-kexec knows no --no-checks'
}

/**
 * What is typed. Whether the system's `reboot` kexecs is not its business here, so it only loads (-L), whatever it thinks
 * of the distribution (-w).
 */
export function pxeCommand({ server, label, dialogue }: Options): string {
  const scripted = dialogue ? [] : ['-n', '-l', quote(label)]
  return ['pxe-kexec -w -L', ...scripted, quote(server)].join(' ')
}

type Talk = Options & {
  /** The words that the command line needs. */
  append: string
  /** Console position after which it speaks. */
  from: number
  timeoutMs: number
  signal: AbortSignal
}

/** Its prompt for a label, which also comes without `dialogue`, where there is no such entry; and for a confirmation. */
const question = /(?:^|[\r\n])(> )|Append {3}: ([^\r\n]*)\s+Continue\? (\[Y\/n\/e\] )/

/**
 * Answers until it loads, or gives up. Resolves when it has no more questions that have an answer.
 * Throws ConsoleTimeout, AbortError, or LabError where what was typed did not arrive.
 */
export async function answer(console: Console, talk: Talk): Promise<void> {
  const { label, dialogue, append, timeoutMs, signal } = talk
  let { from } = talk
  let asked = false
  let edited = false
  const expect = async (pattern: RegExp) => {
    const found = await console.expect(pattern, { from, timeoutMs, signal, what: 'question of pxe-kexec' })
    from = found.end
    return found
  }
  for (;;) {
    const [prompt, shown = ''] = (await expect(question)).groups
    if (prompt !== undefined) {
      // Its word on an entry that is not there comes only when a person asks for it; nothing at all makes it quit.
      await console.write(asked ? '\n' : `${label}\n`)
      if (asked) return
      asked = true
      continue
    }
    const missing = dialogue ? missingWords(shown, append) : []
    if (missing.length === 0) return await console.write('y\n')
    if (edited) {
      await console.write('\x03')
      throw new LabError(
        `the console corrupts input: pxe-kexec shows ${JSON.stringify(shown)}, without ${missing[0]}`,
      )
    }
    edited = true
    await console.write('e\n')
    await expect(/[\r\n]> /)
    // Its editor begins at the start of the line; Ctrl-E goes to the end.
    await console.write(`\x05 ${missing.join(' ')}\n`)
  }
}

/** Words of the wanted command line that the shown one lacks. */
function missingWords(shown: string, wanted: string): string[] {
  const words = new Set(shown.split(' '))
  return wanted.split(' ').filter((word) => word !== '' && !words.has(word))
}

/** What it said, without where it looked for its configuration, its progress and its questions. */
export function saidOf(output: string): string {
  const noise = /^(Trying |Downloading |>( |$)|\s*$)/
  return output
    .split('\n')
    .filter((line) => !noise.test(line))
    .join('\n')
}
