import test from 'ava'
import { findVirtioCommon } from './virtio-common.ts'

/** Configuration space with these words, all others zero; counts how often it is read. */
function space(words: Record<number, number>) {
  let reads = 0
  const readWord = async (offset: number) => {
    reads++
    return words[offset] ?? 0
  }
  return { readWord, reads: () => reads }
}

test('the structure is found behind other capabilities', async (t) => {
  const { readWord } = space({
    4: 0x00100107,
    52: 0x98,
    152: 0x00008411, // MSI-X, next 0x84
    132: 0x05144009, // vendor, type 5 (access through configuration space), next 0x40
    64: 0x01100009, // vendor, type 1
    68: 0x00000004,
    72: 0x00001000,
  })
  t.deepEqual(await findVirtioCommon(readWord), { bar: 4, offset: 0x1000 })
})

test('a device without capabilities, or without this one, has none', async (t) => {
  t.is(await findVirtioCommon(space({ 4: 0x00000107, 52: 0x40, 64: 0x01100009 }).readWord), undefined)
  t.is(await findVirtioCommon(space({ 4: 0x00100107, 52: 0x98, 152: 0x11 }).readWord), undefined)
})

test('a list that runs in a circle, or a device that reads all ones, ends the walk', async (t) => {
  const circle = space({ 4: 0x00100107, 52: 0x40, 64: 0x05005009, 80: 0x05004009 })
  t.is(await findVirtioCommon(circle.readWord), undefined)
  const gone = { readWord: async () => 0xffffffff }
  t.is(await findVirtioCommon(gone.readWord), undefined)
  t.true(circle.reads() < 10)
})
