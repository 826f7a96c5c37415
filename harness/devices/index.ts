/** The families of devices whose engines can be judged. */
import { ahci } from './ahci.ts'
import { e1000 } from './e1000.ts'
import { edu } from './edu.ts'
import { type Family, hex, type PciFunction, pciId } from './family.ts'
import { generic } from './generic.ts'
import { nvme } from './nvme.ts'
import { virtio } from './virtio.ts'
import { xhci } from './xhci.ts'

/** The first one that matches counts; the last one matches everything. */
export const families: readonly Family[] = [virtio, ahci, nvme, e1000, xhci, edu, generic]

/** `?` and `[…]` of a shell pattern, as the same in a RegExp. */
const matchers = families.flatMap((family) =>
  family.match.map((pattern) => ({ family, regexp: new RegExp(`^${pattern.replaceAll('?', '.')}$`) })),
)

/** The family of a device; `generic` where there is no better one. */
export function familyOf({
  vendor,
  device,
  classCode,
}: Pick<PciFunction, 'vendor' | 'device' | 'classCode'>): Family {
  const id = `${pciId({ vendor, device })}:${hex(classCode, 6)}`
  return matchers.find(({ regexp }) => regexp.test(id))?.family ?? generic
}

/**
 * All families as the guest's shell reads them (images/guest/harness-probe), one line a pattern, the first that matches
 * counts: `FAMILY PATTERN REGISTER…`. PATTERN is a shell pattern over `vendor:device:class`, a REGISTER is
 * `NAME,BAR,OFFSET,WIDTH,BASE`, with the offset in bytes, the width in bits, and a BASE of `-` for the BAR's start.
 */
export function registerTable(): string {
  const lines = families.flatMap(({ name, match, registers }) =>
    match.map((pattern) =>
      [
        ...[name, pattern],
        ...registers.map((one) => [one.name, one.bar, one.offset, one.width, one.base ?? '-'].join(',')),
      ].join(' '),
    ),
  )
  return `${lines.join('\n')}\n`
}
