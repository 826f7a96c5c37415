/** Finds a virtio device's common configuration structure in its configuration space. */

/** Where a register's offset counts from. */
export type RegisterBase = { bar: number; offset: number }

const hasCapabilities = 0x10 << 16
const vendorSpecific = 0x09
const commonConfiguration = 1

/**
 * Walks the list of capabilities (PCI 3.0, 6.7) to the vendor's own one of type 1, which names BAR and offset (virtio 1.1,
 * 4.1.4). `readWord` gives the 32 bits at an offset. Undefined: an older device without it.
 */
export async function findVirtioCommon(
  readWord: (offset: number) => Promise<number>,
): Promise<RegisterBase | undefined> {
  if (((await readWord(0x04)) & hasCapabilities) === 0) return undefined
  const seen = new Set<number>()
  let at = (await readWord(0x34)) & 0xfc
  while (at !== 0 && !seen.has(at)) {
    seen.add(at)
    const header = await readWord(at)
    if ((header & 0xff) === vendorSpecific && header >>> 24 === commonConfiguration) {
      return { bar: (await readWord(at + 4)) & 0xff, offset: await readWord(at + 8) }
    }
    at = (header >>> 8) & 0xfc
  }
  return undefined
}
