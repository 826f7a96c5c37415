/** Questions to a person at a terminal. */
import { isCancel, select, text } from '@clack/prompts'
import type { Question } from './ask.ts'

/** No answer of a person is empty. */
const other = ''

/** Asks one question. Throws an AbortError when the person gives up (Ctrl-C, Escape). */
export async function askPerson(question: Question, signal: AbortSignal): Promise<string> {
  const { choices, suggestions = [] } = question
  if (choices) return await choose(question, choices, signal)
  if (suggestions.length === 0) return await type(question, signal)
  const chosen = await select<string>({
    message: question.message,
    options: [
      ...suggestions.map((value) => ({ value, label: value })),
      { value: other, label: 'something else' },
    ],
    signal,
  })
  if (isCancel(chosen)) return giveUp()
  return chosen === other ? await type(question, signal) : chosen
}

async function choose(
  { message, fallback }: Question,
  choices: NonNullable<Question['choices']>,
  signal: AbortSignal,
): Promise<string> {
  const chosen = await select<string>({
    message,
    options: choices.map(({ value, hint }) => ({ value, label: value, ...(hint ? { hint } : {}) })),
    ...(fallback === undefined ? {} : { initialValue: fallback }),
    signal,
  })
  return isCancel(chosen) ? giveUp() : chosen
}

async function type({ message, fallback, check }: Question, signal: AbortSignal): Promise<string> {
  const typed = await text({
    message,
    ...(fallback ? { placeholder: fallback, defaultValue: fallback } : {}),
    validate: (value) => {
      if (value === undefined || value === '')
        return fallback === undefined ? 'This one has to be answered.' : undefined
      return check?.(value)
    },
    signal,
  })
  return isCancel(typed) ? giveUp() : typed
}

function giveUp(): never {
  throw new DOMException('interrupted', 'AbortError')
}
