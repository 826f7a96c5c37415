/** Opens a bootloader with a menu for the tests of a suite. */
import { MenuSession, type MenuSessionOptions } from '../../harness/kexec/menu-session.ts'
import type { MenuLoader } from '../../harness/loader/menu-loader.ts'
import { type BootloaderParts, BootloaderUnderTest } from './bootloader-under-test.ts'
import type { Watch } from './open-board.ts'
import { openBootloader } from './open-bootloader.ts'
import type { BoardPlan } from './plan.ts'

type Options = {
  plan: BoardPlan
  loader: MenuLoader
  watch: Watch
  parts: Omit<BootloaderParts, 'loader' | 'opened'>
  common: Pick<MenuSessionOptions, 'markers' | 'loadSignatures' | 'signal'>
}

/** Throws as openBootloader does. */
export async function openMenu({
  plan,
  loader,
  watch,
  parts,
  common,
}: Options): Promise<BootloaderUnderTest> {
  const opened = await openBootloader(plan, loader, watch)
  const menu = new BootloaderUnderTest({ ...parts, loader, opened })
  const { board, entries } = opened
  await menu.attach(new MenuSession({ ...common, board, loader, entries, listener: menu }))
  return menu
}
