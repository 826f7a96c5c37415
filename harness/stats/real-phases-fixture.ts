/**
 * Phases of real cycles, milliseconds: ten kexecs each (kexec_load, checked) of Debian 6.1.0-56-cloud on the two default
 * QEMU boards under TCG, two shared cores, 2026-11-21, as run.json had them. They have the heavy tails that real gaps have.
 */
export const realPhases = {
  x86_64: {
    loadMs: [1835.7, 1254, 1169.5, 1155.5, 1145.3, 1160.9, 1141.5, 1257.3, 1208.6, 1142],
    shutdownMs: [69.7, 88.3, 93.7, 104.4, 114.6, 79.8, 107.1, 100.2, 100, 152.9],
    gapMs: [1322.9, 1053.5, 1095.8, 1017.1, 1030.2, 1144.6, 1085.9, 1192.7, 1129.1, 1090.8],
    startupMs: [3567.4, 2725, 2756.4, 2830.7, 2747.5, 2999.3, 2828.6, 2886.6, 2704.3, 2604.1],
    userspaceMs: [3718.5, 3434.8, 4594.2, 4459.9, 3895.7, 4373.5, 3944, 4123.6, 3116.3, 4295.4],
  },
  arm64: {
    loadMs: [720.6, 571, 523.4, 529, 747.9, 480.4, 639.5, 477.8, 570.8, 527],
    shutdownMs: [216.3, 279.1, 220.8, 204.1, 135.5, 183.6, 237.8, 156.8, 199.1, 192.3],
    gapMs: [8333, 8217.2, 7820.9, 8499.1, 12829.1, 7838.5, 11607.5, 8542, 8103.8, 7851.6],
    startupMs: [2202.2, 2206.7, 1997.2, 2985.6, 2346.7, 1924.4, 2334.9, 2105.8, 2036.9, 2193.4],
    userspaceMs: [5151.6, 3750.4, 3445.8, 5113.8, 3509.2, 4244.8, 3975.1, 3753.4, 3010.7, 3580.8],
  },
} as const

type Cycle = Record<keyof typeof realPhases.x86_64, number>

/**
 * Draws cycles that look like those: each phase is that of a real cycle, as the phases of one cycle go together, moved by a
 * few per cent; now and then the host holds one up.
 */
export function drawCycles(shape: keyof typeof realPhases, n: number, random: () => number): Cycle[] {
  const phases = realPhases[shape]
  return Array.from({ length: n }, () => {
    const real = Math.floor(random() * phases.gapMs.length)
    const cycle = Object.entries(phases).map(([phase, values]) => {
      const jitter = 1 + 0.04 * normal(random)
      const heldUp = random() < 0.03 ? 1 / (1 - 0.8 * random()) : 1
      return [phase, values[real]! * jitter * heldUp]
    })
    return Object.fromEntries(cycle) as Cycle
  })
}

/** Box and Muller's transform. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
