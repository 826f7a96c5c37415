/** For tests: a simulated petitboot. It draws by differences, takes keys byte by byte, counts down, and boots (nc-cui.c, nc-menu.c). */
import type { Clock } from '../clock.ts'
import type { Connect } from '../console/transport.ts'
import { type CursesRow, SimulatedCurses } from './curses-fixture.ts'
import { SimulatedKeys } from './petitboot-simulated-keys-fixture.ts'

export type SimulatedPetitboot = {
  connect: Connect
  /** What it booted, in order. */
  booted: string[]
}

type Item = { text: string; boots?: string; isHeader?: boolean }

const fixed = [
  'System information',
  'System configuration',
  'System status log',
  'Language',
  'Rescan devices',
]
const last = ['Retrieve config from URL', 'Plugins (0)', 'Exit to shell']
const rows = 24
const countdownS = 10
const help = ' Enter=accept, e=edit, n=new, x=exit, l=language, g=log, h=help'

/** Entries as they stand in the menu; the last one is the default. They are found one second after its start. */
export function simulatedPetitboot(labels: readonly string[], clock: Clock): SimulatedPetitboot {
  const booted: string[] = []
  const connect: Connect = async (sink) => {
    const machine = new Machine(labels, booted, clock, (text) =>
      sink.bytes(Buffer.from(text, 'latin1'), clock.nowNs()),
    )
    void machine.start()
    return { write: async (bytes) => machine.type(bytes.toString('latin1')), close: async () => {} }
  }
  return { connect, booted }
}

class Machine {
  readonly #labels: readonly string[]
  readonly #booted: string[]
  readonly #clock: Clock
  readonly #say: (text: string) => void
  readonly #curses: SimulatedCurses
  readonly #keys: SimulatedKeys
  #items: Item[] = [{ text: '' }, ...[...fixed, ...last].map((text) => ({ text }))]
  #selected = this.#items.at(-1)!
  #status = ' Welcome to Petitboot'
  #where: 'menu' | 'shell' | 'editor' | 'gone' = 'menu'
  #line = ''
  #hasInput = false
  /** Of the boot that goes on; a new one ends it. */
  #boot = 0

  constructor(labels: readonly string[], booted: string[], clock: Clock, say: (text: string) => void) {
    this.#labels = labels
    this.#booted = booted
    this.#clock = clock
    this.#say = say
    this.#curses = new SimulatedCurses(rows, say)
    this.#keys = new SimulatedKeys(clock, (key) => this.#press(key))
  }

  async start(): Promise<void> {
    this.#curses.drawAll(this.#screen())
    await this.#clock.sleep(1_000)
    this.#items.unshift({ text: '[Disk: vda / 8e9887eb-4a82-4079-9fea-623a7a37158a]', isHeader: true })
    for (const label of this.#labels.toReversed()) {
      const mark = label === this.#labels.at(-1) ? '(*) ' : ''
      this.#items.splice(1, 0, { text: `  ${mark}${label}`, boots: label })
      this.#draw()
      await this.#clock.sleep(20)
    }
    await this.#countDown()
  }

  type(text: string): void {
    for (const character of text)
      if (this.#where === 'shell') this.#inShell(character)
      else if (this.#where !== 'gone') this.#keys.take(character)
  }

  async #countDown(): Promise<void> {
    for (let left = countdownS; left > 0 && !this.#hasInput; left--) {
      this.#status = ` Booting in ${left} sec: [vda] ${this.#labels.at(-1)}`
      this.#draw()
      await this.#clock.sleep(1_000)
    }
    if (!this.#hasInput) await this.#boots(this.#labels.at(-1)!)
  }

  #press(key: string): void {
    if (key === '\f') {
      this.#curses.drawAll(this.#screen())
      return
    }
    if (!this.#hasInput) this.#status = ' Default boot cancelled'
    else this.#status = ''
    this.#hasInput = true
    if (this.#where === 'editor') {
      if (key === 'x' || key === '\r') this.#where = 'menu'
    } else this.#inMenu(key)
    if (this.#where !== 'shell') this.#draw()
  }

  #inMenu(key: string): void {
    const at = this.#items.indexOf(this.#selected)
    if (key === 'Home') this.#selected = this.#items[0]!
    else if (key === 'End') this.#selected = this.#items.at(-1)!
    else if (key === '\t' || key === 'Down') this.#selected = this.#items[at + 1] ?? this.#selected
    else if (key === 'Up') this.#selected = this.#items[at - 1] ?? this.#selected
    else if (key === 'e' && this.#selected.boots) this.#where = 'editor'
    else if (key === '\x1b' || key === 'x') this.#enterShell()
    else if (key === '\r' && this.#selected.boots) void this.#boots(this.#selected.boots)
    else if (key === '\r' && this.#selected.text === 'Exit to shell') this.#enterShell()
  }

  #enterShell(): void {
    this.#where = 'shell'
    this.#line = ''
    this.#say('\x1b[H\x1b[J\r\n/ # ')
  }

  #inShell(character: string): void {
    if (character === '\f') this.#say(`\x1b[H\x1b[J/ # ${this.#line}`)
    else if (character !== '\r') {
      this.#line += character
      this.#say(character)
    } else if (this.#line === 'exit') {
      this.#where = 'menu'
      this.#status = ' Returned from shell'
      this.#curses.drawAll(this.#screen())
    } else {
      this.#say(`\r\n${this.#line === '' ? '' : `sh: ${this.#line}: not found\r\n`}/ # `)
      this.#line = ''
    }
  }

  async #boots(label: string): Promise<void> {
    const boot = ++this.#boot
    const says = [
      `Booting ${label}...`,
      'Loaded kernel image',
      'Performing kexec load',
      'Performing kexec reboot',
    ]
    for (const said of says) {
      if (boot !== this.#boot || this.#where === 'shell') return
      this.#status = ` ${said}`
      this.#draw()
      await this.#clock.sleep(400)
    }
    if (boot !== this.#boot) return
    this.#where = 'gone'
    this.#booted.push(label)
    this.#say('\x1b[H\x1b[J')
    await this.#clock.sleep(1_000)
    const memory = Array.from({ length: 20 }, (_, line) => `BIOS-e820: [mem ${line}000-${line}fff] usable`)
    for (const line of ['Linux version 6.1.0 (gcc) #1 SMP', `Command line: label="${label}"`, ...memory])
      this.#say(`[    0.000000] ${line}\r\n`)
  }

  #draw(): void {
    if (this.#where !== 'gone') this.#curses.draw(this.#screen())
  }

  #screen(): CursesRow[] {
    if (this.#where === 'editor') return [{ text: ' Petitboot Option Editor' }, { text: '', line: true }]
    const items = this.#items.map((item): CursesRow => {
      const isSelected = item === this.#selected
      const canBeChosen = item.text !== '' && !item.isHeader
      return { text: ` ${isSelected ? '*' : ' '}${item.text}`, reverse: isSelected && canBeChosen }
    })
    const room = rows - 5
    return [
      { text: ' Petitboot (v1.15)' },
      { text: '', line: true },
      ...Array.from({ length: room }, (_, row) => items[row] ?? { text: '' }),
      { text: '', line: true },
      { text: help },
      { text: this.#status },
    ]
  }
}
