/**
 * The little of BTF, a kernel's own description of its types, that tells where a member stands in a struct.
 * Format: Documentation/bpf/btf.rst.
 */

const headerBytes = 24
/** Magic 0xeB9F, version 1, no flags, a header of 24 bytes, types right behind it. */
const headerStart = Buffer.from('9feb01001800000000000000', 'hex')

const kind = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  typedef: 8,
  volatile: 9,
  const: 10,
} as const
/** Bytes that follow the 12 of each type, by its kind: so many, and so many for each of its `vlen` elements. */
const tails: Record<number, readonly [fixed: number, each: number]> = {
  1: [4, 0],
  2: [0, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  7: [0, 0],
  8: [0, 0],
  9: [0, 0],
  10: [0, 0],
  11: [0, 0],
  12: [0, 0],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  16: [0, 0],
  17: [4, 0],
  18: [0, 0],
  19: [0, 12],
}

type Member = { offset: number; type: number }

/** The types of one kernel. */
export class Btf {
  readonly #types: Buffer
  readonly #strings: Buffer
  /** Where in #types each type begins; type 0 is void. */
  readonly #starts: number[] = [0]

  /** Throws RangeError where the bytes are no whole BTF. */
  constructor(types: Buffer, strings: Buffer) {
    this.#types = types
    this.#strings = strings
    for (let at = 0; at < types.length; ) {
      this.#starts.push(at)
      const info = types.readUInt32LE(at + 4)
      const tail = tails[kindIn(info)]
      if (!tail) throw new RangeError(`BTF has a type of the unknown kind ${kindIn(info)}`)
      at += 12 + tail[0] + tail[1] * (info & 0xffff)
    }
  }

  /**
   * Bytes from the start of a struct to one of its members, such as `kobj.name` of `device`: through structs that
   * are embedded, and through those without a name. undefined where the kernel has no such struct or member.
   */
  offsetOf(struct: string, path: string): number | undefined {
    let type = this.#find(kind.struct, struct)
    let offset = 0
    for (const name of path.split('.')) {
      const member = type === undefined ? undefined : this.#member(type, name)
      if (!member) return undefined
      offset += member.offset
      type = member.type
    }
    return offset
  }

  /** Whether a typedef stands for a pointer. undefined where the kernel has no such typedef. */
  isPointer(typedef: string): boolean | undefined {
    const type = this.#find(kind.typedef, typedef)
    return type === undefined ? undefined : this.#kindOf(this.#resolve(type)) === kind.pointer
  }

  #find(wanted: number, name: string): number | undefined {
    const found = this.#strings.indexOf(`\0${name}\0`)
    if (found === -1) return undefined
    const index = this.#starts.findIndex(
      (at, id) => id > 0 && this.#types.readUInt32LE(at) === found + 1 && this.#kindOf(id) === wanted,
    )
    return index === -1 ? undefined : index
  }

  #member(id: number, name: string): Member | undefined {
    const struct = this.#resolve(id)
    if (this.#kindOf(struct) !== kind.struct && this.#kindOf(struct) !== kind.union) return undefined
    const start = this.#starts[struct]!
    const info = this.#types.readUInt32LE(start + 4)
    for (let index = 0; index < (info & 0xffff); index++) {
      const at = start + 12 + index * 12
      const bits = this.#types.readUInt32LE(at + 8)
      // With kind_flag set, the upper 8 bits are the size of a bit field.
      const offset = (info >>> 31 ? bits & 0xffffff : bits) / 8
      const type = this.#types.readUInt32LE(at + 4)
      const own = this.#name(this.#types.readUInt32LE(at))
      if (own === name) return { offset, type }
      const inner = own === '' ? this.#member(type, name) : undefined
      if (inner) return { offset: offset + inner.offset, type: inner.type }
    }
    return undefined
  }

  /** The type behind typedefs and qualifiers. */
  #resolve(id: number): number {
    let type = id
    // Types refer to others in any order; a made-up circle must not hold us.
    for (let steps = 0; steps < 32; steps++) {
      const own = this.#kindOf(type)
      if (own !== kind.typedef && own !== kind.const && own !== kind.volatile) break
      type = this.#types.readUInt32LE(this.#starts[type]! + 8)
    }
    return type
  }

  #kindOf(id: number): number {
    const start = this.#starts[id]
    if (start === undefined) throw new RangeError(`BTF refers to type ${id}, which it does not have`)
    return id === 0 ? 0 : kindIn(this.#types.readUInt32LE(start + 4))
  }

  #name(offset: number): string {
    const end = this.#strings.indexOf(0, offset)
    return this.#strings.toString('latin1', offset, end === -1 ? offset : end)
  }
}

function kindIn(info: number): number {
  return (info >>> 24) & 0x1f
}

/** The BTF in the bytes of an unpacked kernel, undefined where there is none. */
export function findBtf(kernel: Buffer): Btf | undefined {
  for (let at = kernel.indexOf(headerStart); at !== -1; at = kernel.indexOf(headerStart, at + 4)) {
    if (at + headerBytes > kernel.length) return undefined
    const [typeBytes, stringsAt, stringBytes] = [12, 16, 20].map((field) =>
      kernel.readUInt32LE(at + field),
    ) as [number, number, number]
    const body = kernel.subarray(at + headerBytes)
    if (stringsAt < typeBytes || stringsAt + stringBytes > body.length || body[stringsAt] !== 0) continue
    try {
      return new Btf(body.subarray(0, typeBytes), body.subarray(stringsAt, stringsAt + stringBytes))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  return undefined
}
