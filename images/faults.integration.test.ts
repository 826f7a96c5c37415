/** Builds the fault modules for real kernels. The network is needed only where they are not in the cache yet. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { UsageError } from '../harness/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { newFacts, walkArchives } from './cpio-reader.ts'
import { elfArch } from './elf.ts'
import { FaultUnavailable, faultNames, faults, type PreparedFault, prepareFault } from './faults.ts'
import { type Image, resolveImage } from './image.ts'

/** Undefined where this host can't build modules, which is not what these tests are about. */
async function prepared(t: ExecutionContext, name: string, image: Image): Promise<PreparedFault | undefined> {
  try {
    return await prepareFault(name, { image })
  } catch (error) {
    if (!(error instanceof FaultUnavailable)) throw error
    t.log(`skipped: ${error.message}`)
    t.pass()
    return undefined
  }
}

for (const recipe of ['bookworm-cloud-amd64', 'bookworm-cloud-arm64']) {
  test.serial(`${recipe}: every fault is built for its kernel`, async (t) => {
    const image = await resolveImage(recipe)
    const first = await prepared(t, 'edu-d3cold', image)
    if (!first) return
    for (const name of faultNames) {
      const fault = await prepareFault(name, { image })
      t.is(fault.disk, first.disk)
      t.like(fault, { ...faults[name], name, module: `${name}.ko` })
      const module = await readFile(path.join(path.dirname(fault.disk), fault.module))
      t.is(elfArch(module), image.arch)
      // What was built holds nothing of the machine that built it.
      t.false(module.includes(path.dirname(path.dirname(fault.disk))), name)
    }
    const facts = newFacts()
    const disk = await readFile(first.disk)
    await walkArchives(new ByteReader(Readable.from([disk])), facts)
    const devices = faultNames.filter((name) => faults[name].takes !== null).length
    t.is(facts.entries, faultNames.length + devices)
    t.deepEqual([...facts.machines], [[image.arch, faultNames.length]])
    t.is(disk.length % 512, 0)
  })
}

test.serial('a kernel whose headers are gone is told as that', async (t) => {
  const image = await resolveImage('bookworm-cloud-amd64')
  if (!(await prepared(t, 'edu-good', image))) return
  const release = '6.1.0-1-cloud-amd64'
  const old = {
    ...image,
    kernelRelease: release,
    packages: [{ name: `linux-image-${release}`, version: '6.1.4-1', sha256: '0' }],
  }
  await t.throwsAsync(prepareFault('edu-good', { image: old }), {
    instanceOf: UsageError,
    message: /no longer has the headers of kernel 6\.1\.0-1-cloud-amd64/,
  })
})
