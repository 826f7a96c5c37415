import test from 'ava'
import { findBtf } from './btf.ts'
import { type FixtureType, kernelTypes, makeBtf } from './btf-fixture.ts'

const kernel = (btf: Buffer) => Buffer.concat([Buffer.alloc(1001, 0x9f), btf, Buffer.alloc(99, 1)])

test('members are found wherever in the kernel its BTF stands, also through embedded structs', (t) => {
  const btf = findBtf(kernel(makeBtf(kernelTypes)))!
  t.is(btf.offsetOf('device', 'driver'), 104)
  t.is(btf.offsetOf('device', 'kobj.name'), 24)
  t.is(btf.offsetOf('device', 'nothing'), undefined)
  t.is(btf.offsetOf('device', 'driver.name'), undefined, 'a pointer is not followed')
  t.is(btf.offsetOf('nothing', 'name'), undefined)
  t.is(btf.offsetOf('name', 'name'), undefined, 'a member of that name is no struct')
})

test('members of a union without a name belong to the struct around it, and bit fields do not confuse', (t) => {
  const types: FixtureType[] = [
    { kind: 'pointer', type: 0 },
    { kind: 'union', name: '', members: [{ name: 'inner', type: 1, bits: 0 }] },
    { kind: 'const', name: '', type: 2 },
    {
      kind: 'struct',
      name: 'outer',
      members: [
        // The upper 8 bits are the width of a bit field.
        { name: 'flag', type: 1, bits: 3 * 2 ** 24 + 8 },
        { name: '', type: 3, bits: 24 * 8 },
      ],
    },
  ]
  const btf = findBtf(makeBtf(types, { kindFlag: true }))!
  t.is(btf.offsetOf('outer', 'inner'), 24)
  t.is(btf.offsetOf('outer', 'flag'), 1)
})

test('a typedef tells whether it is a pointer', (t) => {
  const inline = { kind: 'typedef', name: 'inline_t', type: 1 } as const
  const btf = findBtf(makeBtf([...kernelTypes, inline]))!
  t.true(btf.isPointer('cpumask_var_t'))
  t.false(btf.isPointer('inline_t'))
  t.is(btf.isPointer('device'), undefined)
})

test('what only begins like BTF is passed over, and a kernel without any has none', (t) => {
  const damaged = makeBtf(kernelTypes)
  damaged.writeUInt32LE(31 * 2 ** 24, 24 + 4)
  t.is(findBtf(kernel(damaged)), undefined)
  t.is(findBtf(Buffer.concat([damaged, makeBtf(kernelTypes)]))!.offsetOf('device', 'bus'), 96)
  t.is(findBtf(Buffer.alloc(5000)), undefined)
})

test('BTF cut off or bent anywhere is refused, or read without a crash and without an end', (t) => {
  const whole = makeBtf(kernelTypes)
  for (let length = 0; length < whole.length; length++) t.is(findBtf(whole.subarray(0, length)), undefined)
  let read = 0
  for (let at = 24; at < whole.length; at++) {
    const bent = Buffer.from(whole)
    bent[at] = 0xff
    try {
      findBtf(bent)?.offsetOf('device', 'kobj.name')
      read++
    } catch (error) {
      t.true(error instanceof RangeError, String(error))
    }
  }
  t.true(read > 100)
})
