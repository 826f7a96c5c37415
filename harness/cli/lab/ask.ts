/** Who answers questions: what was typed as flags, and a person at a terminal for the rest. */
import { UsageError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'

export type Question = {
  /** What it is called in `--set KEY=VALUE`: `console.path`. */
  key: string
  message: string
  /** The only answers, where there are few. */
  choices?: readonly { value: string; hint?: string | undefined }[]
  /** Answers that are likely, where others are possible. */
  suggestions?: readonly string[]
  /** The answer of somebody who just goes on; without one the question has to be answered. Empty: left out. */
  fallback?: string | undefined
  /** What is wrong with an answer. */
  check?: (answer: string) => string | undefined
}

/** Gives the answer to a question, undefined where there is none. */
export type Answer = (question: Question) => Promise<string | undefined>

/** The answers that flags give. */
export class Given {
  readonly #values: Map<string, string>
  readonly #asked = new Set<string>()
  readonly #missing: Question[] = []

  /** @param settings as typed: `console.path=/dev/ttyUSB0` */
  constructor(settings: readonly string[]) {
    this.#values = new Map(settings.map(toSetting))
  }

  /** The answer of the flags; falls back to `ask`, or to the question's own where nobody can be asked. */
  answer(ask: Answer | undefined): Answer {
    return async (question) => {
      const given = this.of(question)
      if (given !== undefined) return given
      if (ask) return await ask(question)
      if (question.fallback === undefined) this.#missing.push(question)
      return question.fallback
    }
  }

  /** What was typed for a question. Throws UsageError where it is no answer to it. */
  of({ key, choices, check }: Question): string | undefined {
    this.#asked.add(key)
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    const names = choices?.map((choice) => choice.value)
    if (names && !names.includes(value))
      throw new UsageError(`${key} can't be ${JSON.stringify(value)}${didYouMean(value, names)}`, {
        hint: `It is one of ${names.join(', ')}.`,
      })
    const wrong = check?.(value)
    if (wrong !== undefined)
      throw new UsageError(`${key} ${JSON.stringify(value)}: ${wrong}`, { hint: setHint })
    return value
  }

  /** Throws UsageError where an answer is missing, or where one was given that nobody asked for. */
  finish(): void {
    const unknown = [...this.#values.keys()].find((key) => !this.#asked.has(key))
    if (unknown !== undefined && this.#missing.length === 0)
      throw new UsageError(`nothing is called ${unknown} here${didYouMean(unknown, [...this.#asked])}`, {
        hint: `With these answers there is: ${[...this.#asked].join(', ')}.`,
      })
    if (this.#missing.length === 0) return
    throw new UsageError(
      `there is no terminal to ask at, and these have no answer: ${this.#missing.map(({ key }) => key).join(', ')}`,
      {
        hint: `Add ${this.#missing.map(flagFor).join(' ')}`,
      },
    )
  }
}

const setHint = 'It is given as --set KEY=VALUE; --yes takes the defaults for the rest.'

function flagFor({ key, choices }: Question): string {
  return `--set ${key}=${choices ? choices.map(({ value }) => value).join('|') : '…'}`
}

function toSetting(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new UsageError(`--set wants KEY=VALUE, not ${JSON.stringify(text)}`, {
    hint: 'For example: --set console.path=/dev/ttyUSB0',
  })
}
