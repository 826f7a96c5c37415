/** What real kernels have loaded, found in their memory. */
import test from 'ava'
import { LinuxGuest } from './guests/linux.ts'
import { findKimages } from './kimage.ts'

/** The segments that `kexec -d` says it has loaded: address and room. */
function toldSegments(said: string): [bigint, number][] {
  const hex = /segment\[\d+\]\.mem\s*=\s*0x([\da-f]+)\s+segment\[\d+\]\.memsz\s*=\s*0x([\da-f]+)/g
  return [...said.matchAll(hex)].map(([, mem, memsz]) => [BigInt(`0x${mem}`), Number(`0x${memsz}`)])
}

for (const type of ['q35', 'virt'] as const)
  test.serial(`${type}: what kexec -d says of a load is found in RAM without a symbol`, async (t) => {
    await using guest = await LinuxGuest.boot(type, [])
    t.deepEqual(await findKimages(guest.machine), [])
    const from = guest.position
    await guest.load('-d -c')
    const said = guest.since(from)
    const found = await findKimages(guest.machine)
    t.is(found.length, 1)
    const [{ start, segments }] = found as [(typeof found)[0]]
    t.is(start, BigInt(/kexec_load: entry = (0x[\da-f]+)/.exec(said)![1]!))
    t.deepEqual(
      segments.map(({ mem, memsz }) => [mem, memsz]),
      toldSegments(said),
    )
  })
