/** What a bootloader with a menu of its own does. One file per bootloader; docs/loaders/ has a page for each. */
import type { TargetConfig } from '../../images/target-configs.ts'
import type { Console } from '../console/console.ts'
import type { Screen } from '../console/screen.ts'
import type { Shell } from '../console/shell.ts'
import type { LoadMethod } from './loader.ts'

/** What a bootloader is driven with: what a person has before them. */
export type Ui = {
  console: Console
  /** The terminal, from before the bootloader's first byte. */
  screen: Screen
  /** Presses a key of the machine's keyboard, by QEMU's name of it (`sendkey`); absent where the board has none. */
  sendKey?: (name: string) => Promise<void>
  /** What this step may take, milliseconds. */
  timeoutMs: number
  signal: AbortSignal
}

/** A menu as a person reads it. */
export type Menu = {
  /** As they are shown, from the top; only what boots something, no `Exit to shell`. */
  entries: readonly MenuEntry[]
  /** What would be booted now: the cursor's entry, or null where it is on something else, or nowhere. */
  selected: string | null
  /** Seconds until the default is booted, as the screen says; null where it says none. */
  countdownS: number | null
  /** The status line, or the bootloader's last message; null where there is none. */
  status: string | null
}

export type MenuEntry = { label: string; isDefault: boolean }

/** What to boot, and how to say so. */
export type Choice =
  | {
      by: 'label'
      label: string
      /** Words added to the entry's command line with the bootloader's own editor. */
      edit?: string
    }
  /** Nothing is pressed: the bootloader boots its default when its time is over. */
  | { by: 'time-out' }

/** A boot that the bootloader itself refused, in its own words; its menu is there again unless `usable` is false. */
export type Refusal = { message: string; usable: boolean }

/** Told as a boot goes on; moments of the monotonic clock, nanoseconds. */
export type BootWatch = {
  /** The key that chooses was pressed, or the countdown was seen to end. */
  chosen(atNs: bigint): void
  /** The bootloader said that it executes: all is loaded. Not every one says so. */
  executing(atNs: bigint, said: string): void
}

export type MenuLoader = {
  readonly ui: 'menu'
  readonly name: string
  /** How it loads, as far as its sources say: for the record. */
  readonly method: LoadMethod
  /** Which of a target disk's configurations it reads (images/target-disk.ts). */
  readonly configs: readonly TargetConfig[]
  /** Others that it reads, each of which is tried on a disk that has no other. */
  readonly otherConfigs?: readonly TargetConfig[]
  /** tftp: its entries come from a pxelinux.cfg that a TFTP server offers, and not from a disk. */
  readonly entriesFrom?: 'tftp'
  /** Whether a choice may have an `edit`. */
  readonly canEdit: boolean
  /**
   * Why nobody can choose an entry of its menu on this board, as a sentence: its time-out is all there is. Absent, or
   * undefined, where one can.
   */
  cannotChoose?(ui: Pick<Ui, 'sendKey'>): string | undefined
  /** A label as its menu shows it: cut, with the disk's name before it. Absent: as the configuration has it. */
  shownLabel?(label: string): string
  /**
   * From a power-on, or a kexec into it, to a menu that takes keys and has had the time to find its entries; a countdown
   * goes on where `holdCountdown` is false. `from` is the console position to look from.
   * Throws ConsoleTimeout or ScreenTimeout.
   */
  arrive(ui: Ui, options: { from: number; holdCountdown: boolean }): Promise<Menu>
  /**
   * Boots an entry of the menu that `arrive` returned. It makes sure, on the screen, that this very entry is selected
   * before it presses the key that boots it. Resolves when the bootloader refused; else it goes on waiting for a
   * refusal until `ui.signal`, which the new kernel's arrival aborts. Throws LabError where what was typed did not
   * arrive or the menu can't be read, BoardError where there is no such entry.
   */
  boot(ui: Ui, choice: Choice, watch: BootWatch): Promise<Refusal>
  /** Looks for entries again; absent where it has no such key. */
  rescan?(ui: Ui): Promise<Menu>
  /** Out of the menu into its shell, and back; absent where it has none. */
  shell?: { enter(ui: Ui): Promise<Shell>; leave(ui: Ui): Promise<Menu> }
}
