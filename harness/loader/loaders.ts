/** The loaders that exist, by the type that a descriptor names. */
import type { LoaderChoice } from '../board/loader-types.ts'
import { kexecTools } from './kexec-tools.ts'
import type { Loader } from './loader.ts'

type ChoiceOf<T> = Extract<LoaderChoice, { type: T }>

// Only the one that is asked for is loaded: the others must not delay the start of the boards.
const openers: { [T in LoaderChoice['type']]: (choice: ChoiceOf<T>) => Loader | Promise<Loader> } = {
  'kexec-tools': () => kexecTools,
  kdump: async () => (await import('./kdump.ts')).kdump,
  'systemctl-kexec': async () => (await import('./systemctl-kexec.ts')).systemctlKexec,
  'kexec-target': async () => (await import('./kexec-target.ts')).kexecTarget,
  'pxe-kexec': async (choice) => (await import('./pxe-kexec.ts')).pxeKexec(choice),
  'u-root': async (choice) => (await import('./u-root.ts')).uRoot(choice),
  'u-root-kexec': async () => (await import('./u-root-kexec.ts')).uRootKexec,
  petitboot: async () => (await import('./petitboot.ts')).petitboot,
  'debian-reboot': async () => (await import('./debian-reboot.ts')).debianReboot,
  kexecboot: async (choice) => (await import('./kexecboot.ts')).kexecboot(choice),
  dialogue: async (choice) => (await import('./dialogue.ts')).dialogue(choice),
}

/** Opens a descriptor's loader. */
export async function openLoader(choice: LoaderChoice): Promise<Loader> {
  const opener = openers[choice.type] as (choice: LoaderChoice) => Loader | Promise<Loader>
  return await opener(choice)
}
