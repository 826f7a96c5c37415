/** The loaders that exist, by the type that a descriptor names. */
import type { LoaderChoice } from '../board/loader-types.ts'
import { UsageError } from '../errors.ts'
import { kexecTools } from './kexec-tools.ts'
import type { Loader } from './loader.ts'

// Only the one that is asked for is loaded: the others must not delay the start of the boards.
const openers: { [T in LoaderChoice['type']]?: (choice: LoaderChoice) => Loader | Promise<Loader> } = {
  'kexec-tools': () => kexecTools,
}

/** Opens a descriptor's loader. */
export async function openLoader(choice: LoaderChoice): Promise<Loader> {
  const opener = openers[choice.type]
  if (!opener) throw new UsageError(`the loader ${choice.type} is not there yet`)
  return await opener(choice)
}
