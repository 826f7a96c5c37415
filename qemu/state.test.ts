import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { LabError } from '../harness/errors.ts'
import type { QemuMachineDescription } from './arguments.ts'
import { machineIdentity, whyNoState } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'kexec-state-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const file = (name: string) => {
  writeFileSync(join(folder, name), name)
  return join(folder, name)
}
const machine: QemuMachineDescription = { type: 'q35', cpus: 2, memory: 512, accelerator: 'tcg' }
const options = {
  ...{ name: 'a', arch: 'x86_64' as const, program: { path: file('qemu') }, machine },
  ...{ kernel: file('kernel'), initramfs: file('initramfs'), append: 'quiet' },
  drives: [{ path: file('payload'), readOnly: true }],
}

test('a machine is the same while neither its arguments nor the files that they name change', async (t) => {
  const own = await machineIdentity(options)
  t.is(await machineIdentity(options), own)
  t.not(await machineIdentity({ ...options, append: 'quiet x' }), own)
  t.not(await machineIdentity({ ...options, machine: { ...machine, memory: 513 } }), own)
  for (const name of ['qemu', 'kernel', 'initramfs', 'payload']) {
    const before = await machineIdentity(options)
    utimesSync(join(folder, name), 1, name.length)
    t.not(await machineIdentity(options), before, name)
  }
  await t.throwsAsync(machineIdentity({ ...options, kernel: join(folder, 'nowhere') }), {
    instanceOf: LabError,
    message: /cannot look at .*nowhere/,
  })
})

const reasons: [string, Parameters<typeof whyNoState>[0], RegExp | undefined][] = [
  [
    'disks and cards whose state QEMU saves',
    {
      ...options,
      machine: {
        ...machine,
        disks: ['ahci', 'usb-storage'],
        nics: ['e1000e'],
        devices: ['qemu-xhci', 'e1000e,id=x'],
      },
    },
    undefined,
  ],
  ['KVM', { ...options, machine: { ...machine, accelerator: 'kvm' } }, /TCG only/],
  ['POWER', { ...options, machine: { ...machine, type: 'pseries' } }, /not tried with pseries/],
  ['firmware that boots a disk', { machine, drives: options.drives }, /its firmware boots it/],
  [
    'a disk that may be written to',
    { ...options, drives: [{ path: 'x', snapshot: true }] },
    /write to a disk/,
  ],
  ['flash', { ...options, machine: { ...machine, flash: { code: 'x', variables: 'y' } } }, /write to a disk/],
  ['a TFTP server', { ...options, machine: { ...machine, tftp: '/x' } }, /devices of its own/],
  [
    'arguments that nobody here knows',
    { ...options, machine: { ...machine, extraArgs: ['-device', 'edu'] } },
    /devices of its own/,
  ],
  [
    'edu, of which QEMU saves nothing',
    { ...options, machine: { ...machine, devices: ['e1000e', 'edu'] } },
    /may not save all of edu/,
  ],
  [
    'a device that only begins like a known one',
    { ...options, machine: { ...machine, devices: ['e1000-82544gc'] } },
    /may not save/,
  ],
  [
    'nvme, which QEMU refuses to save',
    { ...options, machine: { ...machine, disks: ['nvme'] } },
    /does not save nvme/,
  ],
]
for (const [what, parts, expected] of reasons)
  test(`a state ${expected ? 'is not' : 'is'} kept of a machine with ${what}`, (t) => {
    const why = whyNoState(parts)
    if (expected) t.regex(why ?? '', expected)
    else t.is(why, undefined)
  })
