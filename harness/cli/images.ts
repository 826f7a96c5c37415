/** `npm run images`: builds the images of the recipes. */
import { resolveImage } from '../../images/image.ts'
import { recipeNames } from '../../images/recipe.ts'
import { printProgress } from './progress.ts'

/** Builds the images that were named, or all. Returns the exit status. */
export async function images(
  names: string[],
  { update = false }: { update?: boolean },
  signal: AbortSignal,
): Promise<number> {
  for (const name of names.length > 0 ? names : await recipeNames()) {
    const image = await resolveImage(name, { update, progress: printProgress, signal })
    console.log(`${image.name} (${image.arch}, Linux ${image.kernelRelease ?? 'unknown'})`)
    console.log(`  kernel     ${image.kernel}`)
    console.log(`  initramfs  ${image.initramfs}`)
    if (image.payload.disk !== null) console.log(`  disk       ${image.payload.disk}`)
  }
  return 0
}
