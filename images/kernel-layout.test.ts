import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { kernelTypes, makeBtf } from './btf-fixture.ts'
import { auditOffsets, kernelLayout } from './kernel-layout.ts'

let folder = ''
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'layout-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const names = { pm_runtime_barrier: 0x300, __cpu_online_mask: 0x600 }
const exportsAt = 0x100
const namesAt = 0x200

/** An arm64 Image that exports two symbols, 0x2000 and 0x9000 bytes behind its start, and carries BTF. */
function arm64Image({ exported = true } = {}): Buffer {
  const image = Buffer.alloc(0x1000)
  image.writeBigUInt64LE(0x1_0000n, 16)
  image.write('ARM\x64', 56, 'latin1')
  const entries = [
    ['pm_runtime_barrier', 0x2000, namesAt + 1],
    ['__cpu_online_mask', 0x9000, namesAt + 0x41],
  ] as const
  for (const [index, [name, symbol, nameAt]] of entries.entries()) {
    const at = exportsAt + index * 12
    image.write(`\0${name}\0`, nameAt - 1)
    // The same name in another table, which nothing refers to.
    image.write(`\0${name}\0`, names[name])
    if (!exported) continue
    image.writeInt32LE(symbol - at, at)
    image.writeInt32LE(nameAt - (at + 4), at + 4)
  }
  return Buffer.concat([image, makeBtf(kernelTypes)])
}

async function fileWith(name: string, bytes: Buffer): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return file
}

test('a kernel tells where it keeps what the audit reads, as the guest takes it', async (t) => {
  t.deepEqual(await auditOffsets(await fileWith('Image', arm64Image())), {
    device_name: '24',
    device_driver: '104',
    device_bus: '96',
    driver_name: '0',
    driver_shutdown: '80',
    bus_name: '0',
    bus_shutdown: '88',
    own_shutdown: 'pci:-56,amba:+160',
    idle_mask: 'pointer',
    online_mask: `${0x9000 - 0x2000}`,
  })
})

test('what is not exported is left out', async (t) => {
  const layout = await kernelLayout(await fileWith('unexported', arm64Image({ exported: false })))
  t.is(layout?.onlineMask, null)
  t.is(layout?.ownShutdown.pci, -56)
})

test('a kernel without BTF, or with one that lacks a structure, has no layout', async (t) => {
  t.deepEqual(await auditOffsets(await fileWith('plain', Buffer.alloc(0x2000))), {})
  const lacking = kernelTypes.filter((type) => !('name' in type) || type.name !== 'bus_type')
  t.deepEqual(await auditOffsets(await fileWith('lacking', makeBtf(lacking))), {})
})

test('a kernel that is not there is an error', async (t) => {
  await t.throwsAsync(kernelLayout(path.join(folder, 'nothing')), { code: 'ENOENT' })
})
