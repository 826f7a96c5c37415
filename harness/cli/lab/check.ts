/** One line of the doctor's: a part, whether it is right, and what to do where it is not. */
import { HarnessError } from '../../errors.ts'
import { visibleLine } from '../../report/escape.ts'

export type Check = {
  what: string
  /** `unclear`: it can't be told without switching something. `skipped`: not looked at, for the reason in `detail`. */
  state: 'ok' | 'broken' | 'unclear' | 'skipped'
  detail: string
  hint?: string | undefined
}

/** Does something and says whether it went well. An error that is no user's business goes on upwards. */
export async function attempt(
  what: string,
  act: () => Promise<string | Omit<Check, 'what'>>,
): Promise<Check> {
  try {
    const outcome = await act()
    return typeof outcome === 'string' ? { what, state: 'ok', detail: outcome } : { what, ...outcome }
  } catch (error) {
    return broken(what, error)
  }
}

/** The check of something that threw. Throws what no user can act on. */
function broken(what: string, error: unknown): Check {
  const isExpected =
    error instanceof HarnessError || (error instanceof Error && /^Console(Timeout|Closed)$/.test(error.name))
  if (!isExpected) throw error
  return {
    what,
    state: 'broken',
    detail: error.message,
    hint: error instanceof HarnessError ? error.hint : undefined,
  }
}

const whatWidth = 24

/** A check as it is printed: what to do comes on a line of its own. */
export function checkText({ what, state, detail, hint }: Check): string {
  const line = `${state.padEnd(7)}  ${what.padEnd(whatWidth)}  ${visibleLine(detail, { maxLength: 500 })}`
  return hint === undefined ? line : `${line}\n${' '.repeat(9)}${visibleLine(hint, { maxLength: 500 })}`
}
