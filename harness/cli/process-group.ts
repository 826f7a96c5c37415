/** Ends what a process that was started `detached` left behind. */

/**
 * Kills the rest of the process group of a leader that has ended: AVA's workers notice its death only when their event
 * loop gets to it, and must not write to the run's journal after its end. What dies with them, such as QEMU, goes too.
 */
export function killRestOfGroup(leader: number | undefined): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
