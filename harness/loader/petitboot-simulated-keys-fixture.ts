/** For tests: how petitboot-nc takes bytes for keys: ncurses' keypad, its wait after Escape, and console-codes.c. */
import type { Clock } from '../clock.ts'

/** nc-cui.c, cui_start(). */
const keys: Record<string, string> = {
  '\x1b[1~': 'Home',
  '\x1b[4~': 'End',
  '\x1b[A': 'Up',
  '\x1b[B': 'Down',
  OH: 'Home',
  OF: 'End',
}
/** ncurses' ESCDELAY. */
const escapeMs = 1_000

export class SimulatedKeys {
  readonly #clock: Clock
  readonly #press: (key: string) => void
  #pending = ''
  #waits = 0
  /** The part of handle_control_sequence() that goes on; undefined outside of one. */
  #sequence: 'start' | 'escape' | 'control' | undefined

  constructor(clock: Clock, press: (key: string) => void) {
    this.#clock = clock
    this.#press = press
  }

  take(character: string): void {
    if (this.#sequence) {
      this.#inSequence(character)
      return
    }
    this.#pending += character
    this.#waits++
    this.#match()
  }

  #match(): void {
    while (this.#pending !== '') {
      const key = keys[this.#pending]
      if (key) {
        this.#pending = ''
        this.#press(key)
      } else if (Object.keys(keys).some((sequence) => sequence.startsWith(this.#pending))) {
        void this.#wait()
        return
      } else this.#first()
    }
  }

  async #wait(): Promise<void> {
    const waits = this.#waits
    await this.#clock.sleep(escapeMs)
    if (waits !== this.#waits || this.#pending === '') return
    this.#first()
    this.#match()
  }

  /** The first byte is a key of its own; an Escape with more behind it is a sequence that was sent by mistake. */
  #first(): void {
    const [first, ...rest] = this.#pending
    this.#pending = ''
    if (first !== '\x1b' || rest.length === 0) this.#press(first!)
    else this.#sequence = 'start'
    const isSequence = this.#sequence !== undefined
    for (const character of rest)
      if (isSequence && this.#sequence) this.#inSequence(character)
      else this.#pending += character
  }

  #inSequence(character: string): void {
    const isFinal = character >= (this.#sequence === 'control' ? '\x40' : '\x30') && character <= '\x7e'
    const isBetween = /[\x20-\x2f0-9;?]/.test(character)
    if (this.#sequence === 'start' && character === '[') this.#sequence = 'control'
    else if (this.#sequence === 'control' && isBetween) return
    else if (isFinal || !isBetween) this.#sequence = undefined
    else this.#sequence = 'escape'
  }
}
