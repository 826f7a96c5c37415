/** A countdown that ends while a person is still about to choose: what is booted then, nobody chose. */
import { foreverMs } from '../deadline.ts'
import { LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'

/** The first that a kernel says, as no label has it; where one of these is damaged, another one is not (init/main.c). */
const kernelStarts =
  /\[ {4}0\.000000\] |Linux version \d+\.\d+\S* \(|Booting Linux on physical CPU|kexec_core: Starting new kernel/

/**
 * Takes steps at a menu that was there at the console's position `from`. A kernel that starts meanwhile ends them with a
 * LabError: keys were lost, or came too late. `what` is what the steps are there for: `its countdown was stopped`.
 */
export async function beforeCountdownEnds<T>(
  ui: Ui,
  { loader, from, what }: { loader: string; from: number; what: string },
  steps: (ui: Ui) => Promise<T>,
): Promise<T> {
  const started = new AbortController()
  const over = new AbortController()
  const watch = ui.console
    .expect(kernelStarts, { from, timeoutMs: foreverMs, signal: over.signal, what: 'kernel' })
    .then(({ text }) => started.abort(overTooSoon(loader, what, text.trim())))
    // The steps are told of a console that is gone, too.
    .catch(() => {})
  try {
    return await steps({ ...ui, signal: AbortSignal.any([ui.signal, started.signal]) })
  } catch (error) {
    started.signal.throwIfAborted()
    throw error
  } finally {
    over.abort()
    await watch
  }
}

function overTooSoon(loader: string, what: string, said: string): LabError {
  return new LabError(
    `${loader} started a kernel before ${what} (${JSON.stringify(said)}): its countdown ended and it booted its default entry, since keys were lost or came too late`,
    { hint: 'Check the console: bytes are lost. Or this host is too slow for the countdown.' },
  )
}
