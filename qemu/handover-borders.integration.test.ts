/** Handovers of real kernels, followed from border to border; and what samples of the CPU say of the same handover. */
import test, { type ExecutionContext } from 'ava'
import { LinuxGuest } from './guests/linux.ts'
import { type Borders, watchBorders } from './handover-borders.ts'
import { type PcSample, samplePcs } from './pc-sampling.ts'

/** One kexec of this guest under a watch, up to the new kernel's shell. */
async function follow(
  guest: LinuxGuest,
  arch: 'x86_64' | 'arm64',
  load: string,
): Promise<{ borders: Borders; samples: PcSample[]; startNs: bigint; endNs: bigint }> {
  await guest.load(load)
  const machineKexec = await guest.symbol('machine_kexec')
  const { qmp, accelerator } = guest.machine
  await using watch = await watchBorders(
    { qmp, arch, accelerator },
    machineKexec,
    new AbortController().signal,
  )
  const from = guest.position
  await guest.machine.write('kexec -e\n')
  await guest.until(/Starting new kernel|Bye!/, from)
  const startNs = process.hrtime.bigint()
  await using sampling = samplePcs(guest.machine)
  await guest.until(/Linux version|Booting Linux/, from)
  const endNs = process.hrtime.bigint()
  watch.end(endNs)
  const samples = await sampling.stop()
  const borders = await watch.result
  if ('failed' in borders) throw new Error(borders.failed)
  await guest.ready(from)
  return { borders, samples, startNs, endNs }
}

/** Each border comes after the one before it, and the guest runs on. */
async function inOrder(
  t: ExecutionContext,
  guest: LinuxGuest,
  { borders, endNs }: { borders: Borders; endNs: bigint },
) {
  const { machineKexecNs, imageEntryNs, kernelEntryNs, decompressedNs } = borders
  const times = [machineKexecNs, imageEntryNs, kernelEntryNs, decompressedNs, endNs].filter(
    (ns) => ns !== null,
  )
  t.deepEqual(
    times,
    times.toSorted((one, other) => Number(one - other)),
  )
  t.true(borders.segments.length >= 3)
  const status = await guest.machine.qmp.execute('query-status')
  t.like(status, { running: true })
}

test.serial(
  'x86_64: relocation, purgatory and decompressor are told apart in both ways of loading',
  async (t) => {
    await using guest = await LinuxGuest.boot('q35', [])
    for (const load of ['-c --no-checks', '-s']) {
      const followed = await follow(guest, 'x86_64', load)
      await inOrder(t, guest, followed)
      const { imageEntryNs, kernelEntryNs, decompressedNs } = followed.borders
      t.truthy(kernelEntryNs)
      t.truthy(decompressedNs)
      // kexec_file_load always has its digest made, and it is as long as the decompressor, or longer.
      const purgatoryNs = kernelEntryNs! - imageEntryNs
      const decompressNs = decompressedNs! - kernelEntryNs!
      t.is(purgatoryNs * 5n > decompressNs, load === '-s', `${purgatoryNs} ns, ${decompressNs} ns`)
    }
  },
)

test.serial('x86_64: where instructions are counted, two handovers are as long as each other', async (t) => {
  await using guest = await LinuxGuest.boot('q35', [], 'icount')
  const stretches: bigint[][] = []
  for (let time = 0; time < 2; time++) {
    const followed = await follow(guest, 'x86_64', '-c --no-checks')
    await inOrder(t, guest, followed)
    const { counted, machineKexecNs } = followed.borders
    t.is(counted[0]!.atNs, machineKexecNs!)
    t.is(counted.at(-1)!.atNs, followed.endNs)
    // Relocation and purgatory: the decompressor also depends on where KASLR puts the kernel.
    const [first, , third] = counted.map(({ executedNs }) => executedNs)
    stretches.push([third! - first!])
  }
  const [[one], [other]] = stretches as [[bigint], [bigint]]
  t.true(one > 10_000_000n, `${one}`)
  t.true(Math.abs(Number(one - other)) / Number(one) < 0.01, `${one} and ${other} instructions`)
})

test.serial('arm64: the digest is purgatory’s, and the samples were there too', async (t) => {
  await using guest = await LinuxGuest.boot('virt', [])
  const followed = await follow(guest, 'arm64', '-c')
  await inOrder(t, guest, followed)
  const { borders, samples, startNs, endNs } = followed
  t.is(borders.decompressedNs, null)
  const { kernelEntry, segments, imageEntryNs, kernelEntryNs } = borders
  t.truthy(segments.find(({ mem }) => mem === kernelEntry))
  const gap = Number(endNs - startNs)
  const stretch = Number(kernelEntryNs! - imageEntryNs)
  t.true(stretch / gap > 0.5, `${stretch} of ${gap} ns`)
  // No sample of that time is in the kernel's segment or at a virtual address.
  const between = samples.filter(({ atNs }) => atNs > imageEntryNs && atNs < kernelEntryNs!)
  t.true(between.length > 10)
  const kernel = segments.find(({ mem }) => mem === kernelEntry)!
  const elsewhere = between.filter(
    ({ pc }) => pc >= 1n << 63n || (pc >= kernel.mem && pc < kernel.mem + BigInt(kernel.memsz)),
  )
  t.true(elsewhere.length / between.length < 0.02, `${elsewhere.length} of ${between.length}`)
})
