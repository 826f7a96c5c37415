import { readFile, rm } from 'node:fs/promises'
import test from 'ava'
import { guestMachines, writeGuests } from './guests/machines.ts'
import { startMachine } from './machine.ts'
import { describeCpus, parseRegisters, readCpus, sampleCpus } from './registers.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

// Recorded from QEMU 7.2 with two CPUs and Debian's 6.1 cloud kernels, once /init was an endless loop.
const recorded = (arch: string) =>
  readFile(new URL(`fixtures/registers-${arch}.txt`, import.meta.url), 'utf8')

test('x86_64: one CPU in user space, one idle in the kernel', async (t) => {
  t.deepEqual(parseRegisters(await recorded('x86_64'), 'x86_64'), [
    {
      cpu: 0,
      pc: 0x401000n,
      stackPointer: 0x7ffc923dc4e0n,
      mode: 'user',
      level: 'CPL3',
      halted: false,
      interruptsEnabled: true,
      addressSpace: 'user',
    },
    {
      cpu: 1,
      pc: 0xffffffff90a17a0bn,
      stackPointer: 0xff7b13600009bed8n,
      mode: 'kernel',
      level: 'CPL0',
      halted: true,
      interruptsEnabled: true,
      addressSpace: 'kernel',
    },
  ])
})

test('arm64: one CPU idle in the kernel, one in user space', async (t) => {
  t.deepEqual(parseRegisters(await recorded('arm64'), 'arm64'), [
    {
      cpu: 0,
      pc: 0xffffb93814ba8f5cn,
      stackPointer: 0xffffb93815803d40n,
      mode: 'kernel',
      level: 'EL1h',
      halted: null,
      interruptsEnabled: false,
      addressSpace: 'kernel',
    },
    {
      cpu: 1,
      pc: 0x400078n,
      stackPointer: 0xfffff0830f00n,
      mode: 'user',
      level: 'EL0t',
      halted: null,
      interruptsEnabled: true,
      addressSpace: 'user',
    },
  ])
})

test('ppc64le: one CPU idle in the kernel, one in user space', async (t) => {
  t.deepEqual(parseRegisters(await recorded('ppc64le'), 'ppc64le'), [
    {
      cpu: 0,
      pc: 0xc0000000000e1130n,
      stackPointer: 0xc0000000026afca0n,
      mode: 'kernel',
      level: 'supervisor',
      halted: null,
      interruptsEnabled: true,
      addressSpace: 'kernel',
    },
    {
      cpu: 1,
      pc: 0x1018502cn,
      stackPointer: 0x7fffc2547880n,
      mode: 'user',
      level: 'problem state',
      halted: null,
      interruptsEnabled: true,
      addressSpace: 'user',
    },
  ])
})

test('x86 real mode: the program counter is a linear address', (t) => {
  const text = [
    'CPU#0',
    'EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000',
    'ESI=00000000 EDI=00000000 EBP=00000000 ESP=00006f00',
    'EIP=00000046 EFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1',
    'CS =07c0 00007c00 0000ffff 00009b00',
    'CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000',
  ].join('\r\n')
  t.like(parseRegisters(text, 'x86_64'), [{ pc: 0x7c46n, addressSpace: 'real-mode', level: 'real mode' }])
})

test('text that is no register dump gives no CPU', (t) => {
  t.deepEqual(parseRegisters('', 'x86_64'), [])
  t.deepEqual(parseRegisters('CPU#0\nunknown command', 'arm64'), [])
  t.deepEqual(parseRegisters('CPU#0\n PC=zz SP=1 PSTATE=', 'arm64'), [])
  t.deepEqual(parseRegisters('CPU#0\nNIP 12   LR 0 CTR 0', 'ppc64le'), [])
})

test('a description says what stood still and what moved', async (t) => {
  const [first, second] = parseRegisters(await recorded('x86_64'), 'x86_64')
  const dead = { ...second!, interruptsEnabled: false }
  t.deepEqual(
    describeCpus([
      [first!, dead],
      [{ ...first!, pc: 0x401002n }, dead],
    ]),
    [
      'CPU0: CPL3, user space, pc 0x401002 (2 places in 2 samples), interrupts on',
      'CPU1: CPL0, kernel, pc 0xffffffff90a17a0b in all 2 samples, interrupts off, halted',
    ],
  )
  t.deepEqual(describeCpus([]), [])
})

for (const [arch, options] of Object.entries(guestMachines(folder))) {
  test(`${arch}: a machine's CPUs are sampled, and one that halts is seen`, async (t) => {
    const said = Promise.withResolvers<void>()
    await using machine = await startMachine({ ...options, onConsole: () => said.resolve() })
    await said.promise
    const polling = await sampleCpus(machine, 3, 1)
    t.deepEqual(
      polling.map((sample) => sample.map(({ cpu }) => cpu)),
      [[0], [0], [0]],
    )
    t.true(polling.every(([cpu]) => cpu!.mode === 'kernel' && cpu!.halted === false))
    await machine.write('h')
    let [cpu] = await readCpus(machine)
    while (cpu!.halted !== true) [cpu] = await readCpus(machine)
    t.false(cpu!.interruptsEnabled)
    t.regex(describeCpus(await sampleCpus(machine, 2, 1))[0]!, /in all 2 samples, interrupts off, halted$/)
  })
}

test('an abort ends the sampling', async (t) => {
  await using machine = await startMachine(guestMachines(folder).arm64)
  const controller = new AbortController()
  const samples = sampleCpus(machine, 2, 1_000_000, { signal: controller.signal })
  controller.abort()
  await t.throwsAsync(samples, { name: 'AbortError' })
})
