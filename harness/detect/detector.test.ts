import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { LineSplitter } from '../console/lines.ts'
import { loadCatalogue } from './catalogue.ts'
import { Detector, maxHits } from './detector.ts'
import type { Phase } from './signature.ts'

const signatures = await loadCatalogue()

async function recording(name: string): Promise<Buffer> {
  return gunzipSync(await readFile(new URL(`fixtures/${name}.txt.gz`, import.meta.url)))
}

function detectBytes(bytes: Buffer, arch: string, phase: Phase) {
  const detector = new Detector({ signatures, arch })
  const splitter = new LineSplitter()
  for (const line of [...splitter.push(bytes, 7n), ...splitter.flush()]) detector.line(line, phase)
  return detector
}

function detect(lines: readonly string[], phase: Phase = 'probe', arch = 'x86_64') {
  const detector = new Detector({ signatures, arch })
  for (const [index, text] of lines.entries()) detector.line({ text, atNs: BigInt(index), cut: false }, phase)
  return detector.finish()
}

const ids = (hits: readonly { signature: { id: string } }[]) => hits.map(({ signature }) => signature.id)

const healthy = [
  ['healthy-x86_64-q35', 'x86_64'],
  ['healthy-x86_64-pc', 'x86_64'],
  ['healthy-x86_64-systemd', 'x86_64'],
  ['healthy-arm64-virt', 'arm64'],
] as const
for (const [name, arch] of healthy) {
  test(`says nothing of ${name}`, async (t) => {
    const bytes = await recording(name)
    t.true(bytes.length > 10_000)
    for (const phase of ['load', 'shutdown', 'early', 'probe', 'userspace'] as const) {
      t.deepEqual(detectBytes(bytes, arch, phase).finish(), [], phase)
    }
  })
}

for (const signature of signatures.filter(({ form, expected }) => form !== 'trace' && !expected)) {
  test(`fires on the example of ${signature.id}`, (t) => {
    const arch = signature.arch === 'any' ? 'x86_64' : signature.arch[0]!
    const phase = signature.phases === 'any' ? 'probe' : signature.phases[0]!
    const alone = new Detector({ signatures: [signature], arch })
    alone.line({ text: signature.example, atNs: 5n, cut: false }, phase)
    t.like(alone.finish()[0], { signature, phase, atNs: 5n, message: signature.example })
    t.deepEqual(ids(detect([signature.example], phase, arch)), [signature.id], 'whatever else matches it')
  })
}

test('keeps the whole of a real crash, an out-of-memory kill and a panic', async (t) => {
  const bytes = await recording('failing-x86_64-q35')
  const hits = detectBytes(bytes, 'x86_64', 'userspace').finish()
  t.deepEqual(ids(hits), ['program-crashed', 'out-of-memory', 'kernel-panic'])
  const log = bytes.toString().split(/\r*\n/)
  const from = log.findIndex((line) => line.includes('invoked oom-killer'))
  const to = log.findIndex((line) => line.includes('Out of memory: Killed process'))
  t.true(from > 0 && to > from + 20)
  t.deepEqual(hits[1]!.lines, log.slice(from, to + 1))
  t.regex(hits[2]!.message, /sysrq triggered crash/)
  t.regex(hits[2]!.lines.at(-1)!, /Kernel Offset/)
  t.deepEqual(
    hits.map(({ cpu }) => cpu),
    [0, 0, 0],
  )
})

const warning = [
  '[    7.500000] ------------[ cut here ]------------',
  '[    7.500010] sched: Unexpected reschedule of offline CPU#1!',
  '[    7.500020] WARNING: CPU: 0 PID: 212 at arch/x86/kernel/apic/ipi.c:68 native_smp_send_reschedule+0x39/0x40',
  '[    7.500030] Modules linked in: badipi(OE)',
  '[    7.500040] RIP: 0010:native_smp_send_reschedule+0x39/0x40',
  '[    7.500050] Call Trace:',
  '[    7.500060]  reboot_notify+0x12/0x20 [badipi]',
  '[    7.500070]  kernel_kexec+0x3c/0x50',
  '[    7.500080] ---[ end trace 0000000000000000 ]---',
]

test('a cut-here block is one hit, named by the most exact of its lines', (t) => {
  const [hit, ...others] = detect(['before', ...warning, 'after'], 'shutdown')
  t.is(others.length, 0)
  t.is(hit!.signature.id, 'offline-cpu-ipi')
  t.deepEqual(hit!.lines, warning)
  t.like(hit!, { atNs: 1n, driver: 'badipi', cpu: 1, device: null })
})

test('a more severe line in a block names it', (t) => {
  const lines = [...warning.slice(0, 3), '[    7.500025] kernel BUG at mm/slub.c:4023!', ...warning.slice(3)]
  t.deepEqual(ids(detect(lines)), ['kernel-bug-at'])
})

test('an oops is one hit from its first line to its end trace', (t) => {
  const lines = [
    '[    5.1] noise',
    '[    5.101203] BUG: kernel NULL pointer dereference, address: 0000000000000010',
    '[    5.101210] #PF: supervisor read access in kernel mode',
    '[    5.101260] Oops: 0000 [#1] PREEMPT SMP NOPTI',
    '[    5.101270] CPU: 3 PID: 99 Comm: modprobe',
    '[    5.101280] RIP: 0010:e1000_probe+0x12/0x340 [e1000e]',
    '[    5.101290] e1000e 0000:00:04.0 eth0: an unrelated message between',
    '[    5.101300] ---[ end trace 0000000000000000 ]---',
    '[    5.101310] Kernel panic - not syncing: Fatal exception',
    '[    5.101320] ---[ end Kernel panic - not syncing: Fatal exception ]---',
  ]
  const hits = detect(lines)
  t.deepEqual(ids(hits), ['null-pointer-dereference', 'kernel-panic'])
  t.deepEqual(hits[0]!.lines, lines.slice(1, 8))
  t.like(hits[0]!, { driver: 'e1000e', device: '0000:00:04.0', cpu: 3 })
  t.deepEqual(hits[1]!.lines, lines.slice(8))
})

test('a dump without a last line ends where the log goes on', (t) => {
  const stall = [
    '[   81.220013] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    '[   81.220020] rcu: \t1-...!: (0 ticks this GP) idle=5ec/1/0x4000000000000000',
    '[   81.220030] \t(detected by 0, t=5252 jiffies, g=1083, q=2 ncpus=2)',
    '[   81.220040] Sending NMI from CPU 0 to CPUs 1:',
    '[   81.220050] Call Trace:',
    '[   81.220060]  <IRQ>',
    '[   81.220070]  foo+0x1/0x2',
  ]
  const log = Array.from({ length: 10 }, (_, i) => `[   82.000000] usb ${i}: an ordinary message`)
  const hits = detect([...stall, ...log, '[   90.000000] irq 16: nobody cared'])
  t.deepEqual(ids(hits), ['rcu-stall', 'irq-nobody-cared'])
  t.deepEqual(hits[0]!.lines, stall)
})

test('each hung task is its own hit, and a panic that follows too', (t) => {
  const task = (pid: number) => [
    `[  242.881012] INFO: task kworker/u8:2:${pid} blocked for more than 120 seconds.`,
    '[  242.881020] task:kworker/u8:2    state:D stack:    0 pid:   71 ppid:     2 flags:0x00004000',
    '[  242.881030]  __schedule+0x1/0x2',
  ]
  const hits = detect([
    ...task(71),
    ...task(72),
    '[  243.0] Kernel panic - not syncing: hung_task: blocked tasks',
  ])
  t.deepEqual(ids(hits), ['hung-task', 'hung-task', 'kernel-panic'])
})

test('a dump that never ends does not swallow the next kernel', (t) => {
  const detector = new Detector({ signatures, arch: 'x86_64' })
  const say = (text: string, phase: Phase) => detector.line({ text, atNs: 0n, cut: false }, phase)
  say('[    9.0] Kernel panic - not syncing: Fatal exception', 'shutdown')
  say('[    0.0] Linux version 6.1.0', 'early')
  say('[    0.1] A valid RSDP was not found', 'early')
  const hits = detector.finish()
  t.deepEqual(ids(hits), ['kernel-panic', 'rsdp-not-found'])
  t.is(hits[0]!.lines.length, 1)
})

test('a single message inside a dump is a hit of its own', (t) => {
  const lines = [
    ...warning.slice(0, 5),
    '[    7.5] nvme nvme0: Device not ready; aborting reset, CSTS=0x1',
    ...warning.slice(5),
  ]
  t.deepEqual(ids(detect(lines)), ['kernel-warning', 'nvme-not-ready'])
})

test('a trace signature names the dump that it stands in, and nothing outside of one', (t) => {
  const frame = '[c000003fff7bfee0] [c0000000006f3a54] usb_kill_urb+0xbc/0x130'
  t.deepEqual(detect([frame], 'shutdown', 'ppc64le'), [])
  const hits = detect(
    ['INFO: task kexec:81 blocked for more than 120 seconds.', frame],
    'shutdown',
    'ppc64le',
  )
  t.deepEqual(ids(hits), ['usb-urb-never-completes'])
})

test('phases and architectures decide what counts', (t) => {
  t.deepEqual(ids(detect(['U-Boot 2023.01'], 'handover')), ['firmware-after-exec'])
  t.deepEqual(detect(['U-Boot 2023.01'], 'early'), [])
  t.deepEqual(ids(detect(['psci: failed to boot CPU3 (-22)'], 'early', 'arm64')), ['psci-cpu-on-failed'])
  t.deepEqual(detect(['psci: failed to boot CPU3 (-22)'], 'early', 'x86_64'), [])
})

test('an allow-listed line is no hit, whatever else it looks like', (t) => {
  t.deepEqual(
    detect(['DMAR-IR: IRQ remapping was enabled on dmar0 but we are not in kdump mode'], 'early'),
    [],
  )
  t.deepEqual(detect(['Translation was enabled for dmar0 but we are not in kdump mode: BUG: x'], 'early'), [])
})

test('a flood is bounded, counted, and does not hide what is worse', (t) => {
  const detector = new Detector({ signatures, arch: 'x86_64' })
  const say = (text: string) => detector.line({ text, atNs: 0n, cut: false }, 'probe')
  for (let i = 0; i < 1000; i++) say(`swiotlb buffer is full ${i}`)
  for (let i = 0; i < 300; i++) say(`[    1.000000] \tline ${i}`)
  say(`Kernel panic - not syncing: ${'x'.repeat(100_000)}`)
  for (let i = 0; i < 300; i++) say(`[    1.000000] \tline ${i}`)
  const hits = detector.finish()
  t.is(hits.length, maxHits)
  t.is(detector.dropped, 801)
  t.is(hits.at(-1)!.signature.id, 'kernel-panic')
  t.is(hits.at(-1)!.lines.length, 200)
  t.true(hits.at(-1)!.lines.every((line) => line.length <= 1025))
})

test('hostile bytes are no trouble', (t) => {
  const bytes = Buffer.concat([
    Buffer.alloc(100_000, 0x2d),
    Buffer.from('\n\u0000\u0000BUG: \u0000 here\n'),
    Buffer.from([0xff, 0xfe, 0xed, 0xa0, 0x80, 0x0a]),
    Buffer.from(`${'[ cut here ]--'.repeat(5000)}\n`),
    Buffer.alloc(300_000, 0x20),
    Buffer.from('\n---[ end trace 0000000000000000 ]---'),
  ])
  const hits = detectBytes(bytes, 'x86_64', 'probe').finish()
  t.is(hits[0]!.signature.id, 'bug')
  t.true(hits.length < 20)
})
