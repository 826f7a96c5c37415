/** A GPIO line of this host, through libgpiod's gpioset (1.x and 2.x). */
import { execa, type ResultPromise } from 'execa'
import { z } from 'zod'
import { dieWithParent } from '../../qemu/process.ts'
import { systemClock } from '../clock.ts'
import { LabError } from '../errors.ts'
import { powerCommon } from './common.ts'
import { lastWords, runProgram } from './program.ts'
import { relaySwitch, relayWiring } from './relay.ts'
import type { PowerSwitch } from './switch.ts'

export const gpioSchema = z
  .strictObject({
    type: z.literal('gpio'),
    chip: z
      .string()
      .regex(/^[A-Za-z0-9/][A-Za-z0-9/._-]*$/)
      .meta({ title: 'a GPIO chip', examples: ['gpiochip0'] }),
    line: z.number().int().min(0).max(65_535).meta({ description: "The line's offset on the chip." }),
    ...relayWiring,
    ...powerCommon,
  })
  .meta({
    description:
      'A GPIO line, held by gpioset as long as the harness runs; what the line does afterwards is up to its driver.',
  })

/** gpioset says nothing when it has set the line, and ends at once when it could not. */
const graceMs = 300

export function openGpio(config: z.infer<typeof gpioSchema>): PowerSwitch {
  return relaySwitch(new HeldLine(config.chip, config.line), config)
}

/**
 * A line keeps its value for sure only while a process holds it (gpioset(1)), so one does, and dies with the harness.
 * Its value can't be read back while it is held.
 */
class HeldLine {
  readonly name: string
  readonly #chip: string
  readonly #line: number
  #isFirstMajor: boolean | undefined
  #holder: ResultPromise | undefined

  constructor(chip: string, line: number) {
    this.name = `line ${line} of ${chip}`
    this.#chip = chip
    this.#line = line
  }

  async set(energised: boolean, signal: AbortSignal): Promise<void> {
    this.#isFirstMajor ??= await this.#askVersion(signal)
    // The old holder has to let go first: a line has one user.
    await this.close()
    signal.throwIfAborted()
    const value = `${this.#line}=${energised ? 1 : 0}`
    const args = this.#isFirstMajor ? ['--mode=signal', this.#chip, value] : ['--chip', this.#chip, value]
    const holder = execa(...dieWithParent(['gpioset', ...args]), {
      stdin: 'ignore',
      reject: false,
      maxBuffer: 64 * 1024,
    })
    const ended = await Promise.race([holder, systemClock.sleep(graceMs)])
    if (ended === undefined) {
      this.#holder = holder
      return
    }
    throw new LabError(`${this.name} can't be set: ${lastWords(String(ended.stderr)) || 'gpioset ended'}`, {
      hint: 'Is the line free (gpioinfo), and may this user open /dev/gpiochip*? Its group is mostly gpio.',
    })
  }

  async close(): Promise<void> {
    this.#holder?.kill('SIGTERM')
    await this.#holder
    this.#holder = undefined
  }

  async #askVersion(signal: AbortSignal): Promise<boolean> {
    const said = await runProgram(this.name, {
      command: ['gpioset', '--version'],
      debianPackage: 'gpiod',
      signal,
    })
    const [, major] = /v(\d+)\./.exec(said) ?? []
    if (major !== undefined) return Number(major) === 1
    throw new LabError(`${this.name}: gpioset did not say its version`)
  }
}
