/** The rig's private folder, which is removed even when the harness is killed. */
import { execa } from 'execa'
import { privateFolder, removeFolder } from '../sockets.ts'

/** Waits until nobody holds its standard input any more, which the kernel sees to when the harness dies. */
const keeper = 'cat >/dev/null; exec rm -rf -- "$0"'

export type KeptFolder = AsyncDisposable & { path: string }

/** Throws LabError where no folder can be made. */
export async function keptFolder(): Promise<KeptFolder> {
  const path = await privateFolder()
  const child = execa('sh', ['-c', keeper, path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    reject: false,
  })
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await child
      await removeFolder(path)
    },
  }
}
