/** BTF for the tests, made here so that every byte of it is known. Format: Documentation/bpf/btf.rst. */

type Member = { name: string; type: number; bits: number }

/** A struct or union by its members, a pointer, or a typedef of another type. */
export type FixtureType =
  | { kind: 'struct' | 'union'; name: string; members: readonly Member[] }
  | { kind: 'pointer'; type: number }
  | { kind: 'typedef' | 'const'; name: string; type: number }

const kinds = { pointer: 2, struct: 4, union: 5, typedef: 8, const: 10 } as const

/** A whole BTF section; the first type has the number 1. `kindFlag` writes offsets as structs with bit fields do. */
export function makeBtf(types: readonly FixtureType[], { kindFlag = false } = {}): Buffer {
  let strings = '\0'
  const name = (text: string) => {
    if (text === '') return 0
    strings += `${text}\0`
    return strings.length - text.length - 1
  }
  const words = types.flatMap((type) => {
    const info = kinds[type.kind] * 2 ** 24
    if (!('members' in type)) return ['name' in type ? name(type.name) : 0, info, type.type]
    const flag = kindFlag ? 2 ** 31 : 0
    const members = type.members.flatMap((member) => [name(member.name), member.type, member.bits])
    return [name(type.name), flag + info + type.members.length, 64, ...members]
  })
  const body = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) body.writeUInt32LE(word, index * 4)
  const header = Buffer.alloc(24)
  header.write('9feb010018', 'hex')
  for (const [at, value] of [
    [12, body.length],
    [16, body.length],
    [20, strings.length],
  ] as const)
    header.writeUInt32LE(value, at)
  return Buffer.concat([header, body, Buffer.from(strings)])
}

/** The structures that the shutdown audit reads, with offsets of a kernel that there is none of. */
export const kernelTypes: readonly FixtureType[] = [
  { kind: 'struct', name: 'kobject', members: [{ name: 'name', type: 2, bits: 8 * 8 }] },
  { kind: 'pointer', type: 0 },
  {
    kind: 'struct',
    name: 'device',
    members: [
      { name: 'kobj', type: 1, bits: 16 * 8 },
      { name: 'bus', type: 2, bits: 96 * 8 },
      { name: 'driver', type: 2, bits: 104 * 8 },
    ],
  },
  {
    kind: 'struct',
    name: 'device_driver',
    members: [
      { name: 'name', type: 2, bits: 0 },
      { name: 'shutdown', type: 2, bits: 80 * 8 },
    ],
  },
  {
    kind: 'struct',
    name: 'bus_type',
    members: [
      { name: 'name', type: 2, bits: 0 },
      { name: 'shutdown', type: 2, bits: 88 * 8 },
    ],
  },
  {
    kind: 'struct',
    name: 'pci_driver',
    members: [
      { name: 'shutdown', type: 2, bits: 64 * 8 },
      { name: 'driver', type: 4, bits: 120 * 8 },
    ],
  },
  {
    kind: 'struct',
    name: 'amba_driver',
    members: [
      { name: 'drv', type: 4, bits: 0 },
      { name: 'shutdown', type: 2, bits: 160 * 8 },
    ],
  },
  { kind: 'typedef', name: 'cpumask_var_t', type: 2 },
]
