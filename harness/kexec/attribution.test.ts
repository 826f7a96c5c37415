import test from 'ava'
import type { Borders } from '../../qemu/handover-borders.ts'
import {
  attribute,
  attributeBySamples,
  foreignMs,
  heldMs,
  relocationBegan,
  sampledImage,
} from './attribution.ts'

const ms = (value: number) => BigInt(value * 1e6)
const borders = (given: Partial<Borders>): Borders => ({
  machineKexecNs: ms(10),
  imageEntryNs: ms(40),
  kernelEntryNs: ms(140),
  decompressedNs: ms(200),
  held: [],
  counted: [],
  segments: [],
  kernelEntry: null,
  ...given,
})
const ends = { lastOldNs: ms(0), firstNewNs: ms(260), kernelStartNs: null }

test('each part goes from its border to the next', (t) => {
  t.deepEqual(attribute(borders({}), ends), {
    shutdownTailMs: 10,
    relocationMs: 30,
    purgatoryMs: 100,
    decompressMs: 60,
    earlyKernelMs: 60,
    consoleWaitMs: 0,
  })
})

test('time in which the guest stood still is in no part', (t) => {
  const held = [
    { fromNs: ms(10), toNs: ms(15) },
    { fromNs: ms(140), toNs: ms(170) },
  ]
  t.like(attribute(borders({ held }), ends), { relocationMs: 25, purgatoryMs: 100, decompressMs: 30 })
  t.is(heldMs({ held }, ms(12), ms(150)), 3 + 10)
})

test('where instructions are counted, the host’s time between two borders is not', (t) => {
  const held = [{ fromNs: ms(10), toNs: ms(15) }]
  const counted = [
    { atNs: ms(10), executedNs: ms(1_000) },
    // A slow host.
    { atNs: ms(40), executedNs: ms(1_005) },
    // A fast one.
    { atNs: ms(140), executedNs: ms(1_205) },
    { atNs: ms(200), executedNs: ms(1_265) },
    { atNs: ms(260), executedNs: ms(1_266) },
  ]
  const counts = borders({ held, counted })
  t.deepEqual(attribute(counts, ends), {
    ...{ shutdownTailMs: 10, relocationMs: 5, purgatoryMs: 200, decompressMs: 60 },
    ...{ earlyKernelMs: 1, consoleWaitMs: 0 },
  })
  t.is(260 - foreignMs(counts, ms(0), ms(260)), 10 + 5 + 200 + 60 + 1)
  // The last words came when the relocation had begun: half of it, as the host saw it, is in the gap.
  t.is(attribute(counts, { ...ends, lastOldNs: ms(27.5) }).relocationMs, 2.5)
})

test('arm64 says its last line within machine_kexec: nothing is negative', (t) => {
  const parts = attribute(borders({ decompressedNs: null }), { ...ends, lastOldNs: ms(20) })
  t.like(parts, { shutdownTailMs: 0, relocationMs: 20, decompressMs: null, earlyKernelMs: 120 })
})

test('without a purgatory the kernel is what is entered', (t) => {
  const parts = attribute(borders({ kernelEntryNs: ms(40), decompressedNs: null }), ends)
  t.like(parts, { relocationMs: 30, purgatoryMs: null, earlyKernelMs: 220 })
})

test('a border that was not found leaves its time to the part before it', (t) => {
  const parts = attribute(borders({ kernelEntryNs: null, decompressedNs: null }), ends)
  t.like(parts, { purgatoryMs: 220, decompressMs: null, earlyKernelMs: null })
})

test('without an early console the first message waits for one', (t) => {
  t.like(attribute(borders({}), { ...ends, kernelStartNs: ms(210) }), {
    earlyKernelMs: 10,
    consoleWaitMs: 50,
  })
  // An early console shows lines before the clock of the log runs.
  t.like(attribute(borders({}), { ...ends, kernelStartNs: ms(300) }), { earlyKernelMs: 60, consoleWaitMs: 0 })
})

const kernelSegment = { mem: 0x10_000_000n, bufsz: 14 << 20, memsz: 52 << 20 }
const image = {
  start: 0x3fff_f000n,
  segments: [
    { mem: 0x100_000n, bufsz: 48, memsz: 4096 },
    { mem: 0x3c00_0000n, bufsz: 2 << 20, memsz: 2 << 20 },
    kernelSegment,
    { mem: 0x3fff_f000n, bufsz: 28_896, memsz: 36_864 },
  ],
}
/** A sample every 10 ms. */
const samplesAt = (pcs: bigint[], fromMs = 0) =>
  pcs.map((pc, index) => ({ atNs: ms(fromMs + index * 10), pc }))
const oldKernel = 0xffffffff81000000n

test('an image found in memory is enough for samples: its kernel is the one with room to spare', (t) => {
  const sampled = sampledImage(image, 'x86_64')
  t.is(sampled.kernelEntry, kernelSegment.mem)
  const pcs = [oldKernel, 0x7000n, image.start + 8n, kernelSegment.mem + 512n, oldKernel, oldKernel]
  t.like(attributeBySamples(samplesAt(pcs), sampled, { ...ends, firstNewNs: ms(50) }), {
    shutdownTailMs: 5,
    relocationMs: 10,
    purgatoryMs: 10,
    decompressMs: 10,
    earlyKernelMs: 15,
  })
  t.is(relocationBegan(samplesAt(pcs), sampled, ends), ms(5))
})

test('a relocation that no sample saw has no beginning, and no samples have no parts', (t) => {
  const sampled = sampledImage(image, 'arm64')
  const unseen = samplesAt([oldKernel, image.start, kernelSegment.mem])
  t.is(relocationBegan(unseen, sampled, ends), null)
  t.like(attributeBySamples(unseen, sampled, { ...ends, firstNewNs: ms(20) }), {
    shutdownTailMs: 5,
    relocationMs: null,
    purgatoryMs: 10,
    earlyKernelMs: 5,
  })
  t.is(attributeBySamples([], sampled, ends), undefined)
  t.is(attributeBySamples(samplesAt([oldKernel, oldKernel]), sampled, ends), undefined)
})

test('what ran before the old kernel’s last line is no part of its gap', (t) => {
  const sampled = sampledImage(image, 'arm64')
  const program = 0x40_0000n
  const pcs = [program, program, oldKernel, oldKernel, image.start, kernelSegment.mem]
  t.like(attributeBySamples(samplesAt(pcs, -20), sampled, { ...ends, firstNewNs: ms(30) }), {
    shutdownTailMs: 15,
    relocationMs: null,
    purgatoryMs: 10,
    earlyKernelMs: 5,
  })
})
