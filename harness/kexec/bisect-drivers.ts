/** Finds the driver behind a finding by halving: with it unbound before the kexec, the finding goes away. */

/** One try: these devices had no driver when the kexec came, and the finding was there or not. */
type Trial = { unbound: readonly string[]; seen: boolean }

export type Bisection = {
  /** The device without whose driver the finding goes away; null: no single one. */
  culprit: string | null
  trials: Trial[]
}

/**
 * Bisects over `devices`. `isSeen` boots cold, unbinds, kexecs, and tells whether the finding is there. A culprit is
 * confirmed by a trial in which it alone is unbound.
 */
export async function bisectDrivers(
  devices: readonly string[],
  isSeen: (unbound: readonly string[]) => Promise<boolean>,
): Promise<Bisection> {
  const trials: Trial[] = []
  const isGone = async (unbound: readonly string[]) => {
    const seen = await isSeen(unbound)
    trials.push({ unbound, seen })
    return !seen
  }
  if (devices.length === 0 || !(await isGone(devices))) return { culprit: null, trials }
  let candidates = devices
  while (candidates.length > 1) {
    const half = candidates.slice(0, candidates.length >> 1)
    candidates = (await isGone(half)) ? half : candidates.slice(half.length)
  }
  const culprit = candidates[0]!
  const alone = trials.some(({ unbound, seen }) => !seen && unbound.length === 1 && unbound[0] === culprit)
  return { culprit: alone || (await isGone([culprit])) ? culprit : null, trials }
}
