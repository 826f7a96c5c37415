/** Small files for the tests: ELF files, kernels, archives, made here so that every byte of them is known. */

/** A 64-bit little-endian ELF program with the parts that readElf looks at. */
export function makeProgram({
  machine,
  interpreter,
  needed = [],
}: {
  machine: number
  interpreter?: string
  needed?: string[]
}): Buffer {
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`)
  const text = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`)
  const segments = interpreter === undefined && needed.length === 0 ? 0 : 3
  const stringsAt = 64 + segments * 56
  const textAt = stringsAt + strings.length
  const dynamicAt = textAt + text.length
  // A load address that differs from the offset in the file, as real ones do.
  const address = 0x400000
  const dynamic = Buffer.alloc((needed.length + 2) * 16)
  let nameAt = 1
  const tags = needed.map((name): [number, number] => {
    const at = nameAt
    nameAt += name.length + 1
    return [1, at]
  })
  for (const [index, [tag, value]] of [...tags, [5, address + stringsAt], [0, 0]].entries()) {
    dynamic.writeBigUInt64LE(BigInt(tag!), index * 16)
    dynamic.writeBigUInt64LE(BigInt(value!), index * 16 + 8)
  }
  const table = [
    segment(1, 0, address, dynamicAt + dynamic.length),
    segment(3, textAt, address + textAt, text.length),
    segment(2, dynamicAt, address + dynamicAt, dynamic.length),
  ]
  const parts = segments === 0 ? [] : [...table, strings, text, dynamic]
  const header = elfHeader(machine, 2)
  header.writeUInt16LE(segments, 0x38)
  header.writeBigUInt64LE(64n, 0x20)
  return Buffer.concat([
    header,
    ...(interpreter === undefined && segments > 0 ? parts.with(1, segment(0, 0, 0, 0)) : parts),
  ])
}

/** A kernel module with a .modinfo section. */
export function makeModule(modinfo: string): Buffer {
  const names = Buffer.from('\0.modinfo\0.shstrtab\0')
  const content = Buffer.from(modinfo, 'latin1')
  const namesAt = 64 + content.length
  const tableAt = namesAt + names.length
  const header = elfHeader(62, 1)
  header.writeBigUInt64LE(BigInt(tableAt), 0x28)
  header.writeUInt16LE(3, 0x3c)
  header.writeUInt16LE(2, 0x3e)
  const table = [section(0, 0, 0), section(1, 64, content.length), section(10, namesAt, names.length)]
  return Buffer.concat([header, content, names, ...table])
}

/** The head of an x86 bzImage; `release` is what its kernel_version field points to. */
export function makeBzImage(release: string, { is64 = true } = {}): Buffer {
  const bytes = Buffer.alloc(0x4000)
  bytes.writeUInt16LE(0xaa55, 0x1fe)
  bytes.write('HdrS', 0x202)
  bytes.writeUInt16LE(0x3000, 0x20e)
  bytes.writeUInt16LE(is64 ? 0x7f : 0, 0x236)
  bytes.write(`${release} (builder@host) #1 SMP\0`, 0x3200)
  return bytes
}

/** An arm64 Image whose banner stands across the border of two chunks of 1 MiB. */
export function makeArm64Image(release: string): Buffer {
  const bytes = Buffer.alloc(1024 * 1024 + 4096)
  bytes.write('ARM\x64', 56, 'latin1')
  bytes.write('Linux version %s (%s)\0', 4096)
  bytes.write(`Linux version ${release} (builder@host) #1 SMP\0`, 1024 * 1024 - 20)
  return bytes
}

function elfHeader(machine: number, type: number): Buffer {
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01\x01', 0, 'latin1')
  header.writeUInt16LE(type, 16)
  header.writeUInt16LE(machine, 18)
  header.writeUInt16LE(56, 0x36)
  header.writeUInt16LE(64, 0x3a)
  return header
}

function segment(type: number, offset: number, address: number, size: number): Buffer {
  const bytes = Buffer.alloc(56)
  bytes.writeUInt32LE(type, 0)
  for (const [at, value] of [
    [8, offset],
    [16, address],
    [32, size],
  ] as const) {
    bytes.writeBigUInt64LE(BigInt(value), at)
  }
  return bytes
}

function section(name: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32LE(name, 0)
  bytes.writeBigUInt64LE(BigInt(offset), 0x18)
  bytes.writeBigUInt64LE(BigInt(size), 0x20)
  return bytes
}
