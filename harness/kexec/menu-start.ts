/** A cycle that a bootloader's menu starts: an entry is chosen, and the bootloader loads and executes it. */
import type { Board } from '../board/board.ts'
import { KexecFailure } from '../errors.ts'
import type { Choice, MenuLoader, Ui } from '../loader/menu-loader.ts'
import type { KernelStart } from './kernel-start.ts'

/** An entry that boots a kernel whose command line has a nonce. */
export type Entry = { label: string; nonce: string; isDefault: boolean }

type Context = {
  board: Board
  loader: MenuLoader
  ui: Omit<Ui, 'timeoutMs' | 'signal'>
  /** All that the bootloader may boot; the chosen one is among them. */
  entries: readonly Entry[]
  /** Told where the bootloader refused: whether its menu is there again. */
  onRefusal: (usable: boolean) => void
}

/** The start of one cycle. Throws KexecFailure where no entry is the default and none is chosen. */
export function menuStart(choice: Choice, { board, loader, ui, entries, onRefusal }: Context): KernelStart {
  const wanted = entryOf(choice, entries)
  const { loadMs, shutdownMs } = board.descriptor.limits
  let isChosen = false
  return {
    nonce: wanted.nonce,
    before: null,
    otherEntries: new Map(entries.filter((one) => one !== wanted).map(({ nonce, label }) => [nonce, label])),
    // What a shell would do in two commands is one here: the bootloader loads, then it shuts down.
    shutdownLimitMs: loadMs + shutdownMs,
    fromMenu: true,
    unasked: () => (isChosen || choice.by === 'time-out' ? undefined : tooSoon(loader.name, choice.label)),
    load: async () => {},
    async execute({ timeoutMs, signal, mark }) {
      const refusal = await loader.boot({ ...ui, timeoutMs, signal }, choice, {
        chosen: (atNs) => {
          isChosen = true
          mark('chosen', atNs)
        },
        executing: (atNs, said) => mark('exec', atNs, said),
      })
      onRefusal(refusal.usable)
      return { reason: 'refused', message: refusal.message }
    },
  }
}

/** Also where it is the wanted entry that came up: it was no answer to a key. */
function tooSoon(loader: string, label: string): string {
  return `${loader} booted by itself before ${JSON.stringify(label)} was chosen: its countdown ended, since keys were lost or came too late`
}

function entryOf(choice: Choice, entries: readonly Entry[]): Entry {
  const found =
    choice.by === 'time-out'
      ? entries.find(({ isDefault }) => isDefault)
      : entries.find(({ label }) => label === choice.label)
  if (found) return found
  const all = entries.map(({ label }) => JSON.stringify(label)).join(', ')
  throw new KexecFailure(
    choice.by === 'time-out'
      ? `no entry of the disk is the default; it has ${all}`
      : `the disk has no entry ${JSON.stringify(choice.label)}; it has ${all}`,
  )
}

/** A choice in the words of a person. */
export function describeChoice(choice: Choice): string {
  if (choice.by === 'time-out') return 'by its time-out'
  return `${JSON.stringify(choice.label)} by its label${choice.edit === undefined ? '' : `, edited: ${choice.edit}`}`
}
