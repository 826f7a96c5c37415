/** Console lines as Debian's 6.1 kernels print them under QEMU, arm64 and x86_64, shortened. */
import test from 'ava'
import type { Line } from '../console/lines.ts'
import { Handover, HandoverStopped, kernelStartNs } from './handover.ts'
import { type ExtraMarkers, loadMarkers } from './markers.ts'

const forever = new AbortController().signal
const none: ExtraMarkers = { lastOldLine: [], firstNewLine: [], firmware: [] }

async function follow(arch: string, lines: string[], extra = none, byPanic?: boolean) {
  const borders: string[] = []
  const handover = new Handover({
    byPanic,
    markers: await loadMarkers(arch, extra),
    onBorder: (border, { text }) => borders.push(`${border}: ${text}`),
  })
  lines.forEach((text, index) => {
    handover.line(lineAt(text, index))
  })
  return { handover, borders }
}

function lineAt(text: string, seconds: number): Line {
  return { text, atNs: BigInt(Math.round(seconds * 1e9)), cut: false }
}

test('arm64 goes from Bye! to the new kernel to its init', async (t) => {
  const { handover, borders } = await follow('arm64', [
    'S42q1z',
    '[   16.100000] kexec_core: Starting new kernel',
    '[   16.168451] Bye!',
    '[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]',
    '[    0.000000] Linux version 6.1.0-50-cloud-arm64',
    '[    1.371600] Run /init as init process',
  ])
  t.deepEqual(borders, [
    'lastOld: [   16.168451] Bye!',
    'firstNew: [    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]',
    'init: [    1.371600] Run /init as init process',
  ])
  t.is(handover.stage, 'userspace')
  t.is(handover.newLines.length, 3)
  handover.ready(lineAt('# ', 9))
  t.is(handover.stage, 'ready')
})

test('x86 says no Bye!, and its last line is the start of the new kernel', async (t) => {
  const { borders } = await follow('x86_64', [
    '[    8.521842] kexec_core: Starting new kernel',
    '[    0.000000] Linux version 6.1.0-56-cloud-amd64',
  ])
  t.deepEqual(borders, [
    'lastOld: [    8.521842] kexec_core: Starting new kernel',
    'firstNew: [    0.000000] Linux version 6.1.0-56-cloud-amd64',
  ])
})

test('a quiet kernel is there with the ready line of its user space', async (t) => {
  // arm64 with loglevel=4: its first lines are kept back until the level counts, since `earlycon` waits for ACPI's tables.
  const lines = ['Sent SIGKILL to all processes', 'HARNESS READY 6.1.0-56-cloud-arm64', '# ']
  const markers = await loadMarkers('arm64', none)
  const handover = new Handover({ markers, ready: 'HARNESS READY', onBorder: () => {} })
  lines.forEach((text, index) => {
    handover.line(lineAt(text, index))
  })
  t.like(handover.borders, { lastOld: { text: lines[0] }, firstNew: { text: lines[1] } })
  t.is(handover.stage, 'startup')
  t.true(handover.quiet)
  t.false((await follow('arm64', lines)).handover.quiet)
})

test('POWER ends with its switchover, and begins with its MMU or its CPU features', async (t) => {
  // FACTS.md, measured: pseries (radix, purgatory speaks), powernv (dt-cpu-ftrs); a POWER8 begins with hash-mmu.
  for (const first of [
    '[    0.000000] radix-mmu: Page sizes from device-tree:',
    '[    0.000000] dt-cpu-ftrs: setup for ISA 3000',
    '[    0.000000] hash-mmu: Page sizes from device-tree:',
    '[    0.000000] Linux version 6.1.0-50-powerpc64le',
    // With loglevel=4, pseries.
    '\rLinux ppc64le',
  ]) {
    const { handover, borders } = await follow('ppc64le', [
      '[   21.966383] kexec_core: Starting new kernel',
      '[   21.981354] kexec: Starting switchover sequence.',
      "I'm in purgatory",
      first,
      '[    1.371600] Run /init as init process',
    ])
    t.deepEqual(borders.slice(0, 2), [
      'lastOld: [   21.981354] kexec: Starting switchover sequence.',
      `firstNew: ${first}`,
    ])
    t.is(handover.stage, 'userspace')
  }
})

test('what purgatory or firmware code prints in the gap ends it not', async (t) => {
  const { handover } = await follow('x86_64', [
    'kexec_core: Starting new kernel',
    "I'm in purgatory",
    'early console in extract_kernel',
  ])
  t.is(handover.stage, 'gap')
})

test('a first line that the UART garbled is found by the next one', async (t) => {
  const { handover } = await follow('arm64', [
    '[   16.1] Bye!',
    '\ufffd\ufffdooting Linux on physical',
    '[    0.000000] Linux version 6.1.0',
  ])
  t.is(handover.borders.firstNew?.text, '[    0.000000] Linux version 6.1.0')
})

test('a quiet old kernel ends with whatever it said last', async (t) => {
  const { handover } = await follow('x86_64', [
    '[    8.1] e1000e: shutdown',
    '[    0.000000] Linux version 6.1.0',
  ])
  t.is(handover.borders.lastOld?.text, '[    8.1] e1000e: shutdown')
  t.is(handover.stage, 'startup')
})

test('a board adds markers of its own', async (t) => {
  const { handover } = await follow('arm64', ['vendor: leaving', 'vendor: hello'], {
    lastOldLine: ['vendor: leaving'],
    firstNewLine: ['vendor: hello'],
    firmware: [],
  })
  t.is(handover.stage, 'startup')
})

for (const banner of [
  'SeaBIOS (version 1.16.2-debian-1.16.2-1)',
  'U-Boot 2023.01 (Jan 01 2023)',
  'U-Boot SPL 2024.07',
  'UEFI firmware (version 2022.11)',
  'iPXE (http://ipxe.org) 00:02.0',
  'NOTICE:  BL1: v2.8',
  '--== Welcome to Hostboot hostboot-3beba24/hbicore.bin ==--',
  'SLOF **********************************************************************',
  '[   63.240664100,5] OPAL skiboot-v6.3.1 starting...',
])
  test(`a firmware banner between two kernels is a reset: ${banner}`, async (t) => {
    const { handover } = await follow('arm64', ['[   16.1] Bye!', banner])
    t.is(handover.stopped?.reason, 'firmware')
    await t.throwsAsync(handover.reach('startup', forever), { instanceOf: HandoverStopped })
  })

test('a panic stops it in either kernel', async (t) => {
  const old = await follow('arm64', ['[   16.1] Kernel panic - not syncing: Fatal exception'])
  t.is(old.handover.stopped?.reason, 'panic')
  const young = await follow('arm64', [
    '[   16.1] Bye!',
    '[    0.000000] Booting Linux on physical CPU 0x0',
    '[    1.2] Kernel panic - not syncing: VFS',
  ])
  t.is(young.handover.stopped?.reason, 'panic')
})

test('whoever waits for a stage is told when it is reached or cannot be', async (t) => {
  const { handover } = await follow('arm64', [])
  const [gap, ready] = [handover.reach('gap', forever), handover.reach('ready', forever)]
  handover.line(lineAt('[   16.1] Bye!', 1))
  await gap
  handover.stop('reset', 'QMP says so')
  await t.throwsAsync(ready, { instanceOf: HandoverStopped, message: 'QMP says so' })
  await t.notThrowsAsync(handover.reach('gap', forever), 'what was reached stays reached')
})

test("a kernel's own start is the earliest that its stamps allow", (t) => {
  const lines = [
    lineAt('[    0.000000] Linux version', 11),
    lineAt('[    0.500000] late to arrive', 10.9),
    lineAt('[    1.000000] in time', 11.2),
    lineAt('# no stamp', 3),
  ]
  t.is(kernelStartNs(lines), 10_200_000_000n)
  t.is(kernelStartNs([lineAt('[    0.000000] Linux version', 11)]), null)
})

test('a panic that is wanted is the last old line, and the capture kernel comes after it', async (t) => {
  // FACTS.md, kdump: arm64 says "Bye!" after its panic, x86 nothing at all.
  const panic = '[  110.299943] Kernel panic - not syncing: sysrq triggered crash'
  for (const [arch, last, first] of [
    [
      'arm64',
      '[  110.349346] Bye!',
      '[    0.000000] Booting Linux on physical CPU 0x0000000001 [0x411fd070]',
    ],
    ['x86_64', '[   42.811907]  </TASK>', '[    0.000000] Linux version 6.1.0-56-cloud-amd64'],
  ] as const) {
    const { handover, borders } = await follow(
      arch,
      [
        '[  110.295558] sysrq: Trigger a crash',
        panic,
        last,
        first,
        '[    1.371600] Run /init as init process',
      ],
      none,
      true,
    )
    t.deepEqual(borders, [
      `lastOld: ${panic}`,
      `firstNew: ${first}`,
      'init: [    1.371600] Run /init as init process',
    ])
    t.is(handover.stopped, undefined)
  }
})

test('what a machine reports of the wanted panic stops nothing, a panic of the capture kernel does', async (t) => {
  const { handover } = await follow('x86_64', [], none, true)
  handover.stop('panic', 'the guest reported a panic through pvpanic')
  t.is(handover.stopped, undefined)
  handover.line(lineAt('[   42.761572] Kernel panic - not syncing: sysrq triggered crash', 1))
  handover.line(lineAt('[    0.000000] Linux version 6.1.0-56-cloud-amd64', 2))
  handover.line(lineAt('[    9.000000] Kernel panic - not syncing: System is deadlocked on memory', 3))
  t.is(handover.stopped?.reason, 'panic')
})

test('a panic that comes to its end started no capture kernel', async (t) => {
  const { handover } = await follow(
    'x86_64',
    [
      '[   42.761572] Kernel panic - not syncing: sysrq triggered crash',
      '[   42.811907] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    ],
    none,
    true,
  )
  t.is(handover.stopped?.reason, 'panic')
})
