import test from 'ava'
import { loadDescriptor } from './descriptor.ts'
import { errorOf, folderWith, minimal } from './descriptor-fixture.ts'

test('a name that disagrees with its file is shown at its place', async (t) => {
  t.regex(
    await errorOf(t, minimal.replace('mine', 'yours')),
    /^mine\.yaml:1:7: name: the file is called mine\.yaml, so the board's name must be "mine"$/m,
  )
})

const mistakes: [string, string, string, RegExp][] = [
  [
    'a misspelt key',
    'image:',
    'imgae:',
    /^mine\.yaml:6:1: unknown key "imgae" in board; did you mean "image"\?$/m,
  ],
  [
    'an arch of another name',
    'arch: x86_64',
    'arch: amd64',
    /:2:7: arch: found "amd64" \(string\), expected "x86_64", "arm64" or "ppc64le"/,
  ],
  [
    'a console that does not exist',
    'console: { type: qemu }',
    'console: { type: seriel }',
    /:3:18: console\.type: found "seriel" \(string\), expected "qemu" or "serial" or .*; did you mean "serial"\?/,
  ],
  ['no machine', 'machine: { type: q35 }\n', '', /:1:1: machine: a QEMU board needs a machine/],
  [
    'a QEMU board with the console of a real one',
    'power: { type: qemu }',
    'power: { type: pdudaemon, url: "http://localhost:16421", hostname: pdu, port: 3 }',
    /:4:16: power\.type: a QEMU board has the power qemu/,
  ],
  [
    'a real board with a machine',
    'console: { type: qemu }\npower: { type: qemu }',
    'console: { type: tcp, host: rack1, port: 2001 }\npower: { type: command, on: [on], off: [off] }',
    /:5:10: machine: a real board has no machine/,
  ],
  [
    'a real board without a power switch',
    'console: { type: qemu }\npower: { type: qemu }\nmachine: { type: q35 }\nimage: bookworm-cloud-amd64\n',
    'console: { type: tcp, host: rack1, port: 2001 }\n',
    /power: a board without a place needs a power switch/,
  ],
  [
    'a password in a URL',
    'power: { type: qemu }',
    'power: { type: pdudaemon, url: "http://u:secret@pdu", hostname: pdu, port: 3 }',
    /power\.url: holds a user or password, which would end up in logs/,
  ],
  [
    'a machine of the other architecture',
    'type: q35',
    'type: virt',
    /:5:18: machine\.type: "virt" is no x86_64 machine; one is pc or q35$/m,
  ],
  [
    'a machine that POWER has not',
    'arch: x86_64',
    'arch: ppc64le',
    /:5:18: machine\.type: "q35" is no ppc64le machine; one is pseries or powernv9$/m,
  ],
  [
    'a size without a unit it knows',
    'type: q35',
    'type: q35, memory: 1T',
    /:5:31: machine\.memory: found "1T" \(string\), expected a size such as "512M", "1G"$/m,
  ],
  [
    'a size that is too small',
    'type: q35',
    'type: q35, memory: 1M',
    /:5:31: machine\.memory: memory is a whole number of MiB, from 64M/,
  ],
  [
    'no CPU',
    'type: q35',
    'type: q35, cpus: 0',
    /machine\.cpus: found 0 \(number\), expected a whole number, at least 1/,
  ],
  [
    'instructions counted with two CPUs',
    'type: q35',
    'type: q35, accelerator: icount, cpus: 2',
    /machine\.cpus: accelerator icount takes cpus: 1/,
  ],
  [
    'a line break in an argument',
    'type: q35',
    'type: q35, extraArgs: ["a\\nb"]',
    /machine\.extraArgs\[0\]: found "a\?b" \(string\), expected text on one line/,
  ],
  [
    'a machine property that is no name',
    'type: q35',
    'type: q35, options: { "a=b,c": 1 }',
    /machine\.options\.a=b,c: this key is not allowed/,
  ],
  [
    'a disk of a kind that it does not know',
    'type: q35',
    'type: q35, disks: [nvme, virtio-block]',
    /:5:37: machine\.disks\[1\]: found "virtio-block" \(string\), .*did you mean "virtio-blk"\?$/m,
  ],
  [
    'a NIC of a kind that it does not know',
    'type: q35',
    'type: q35, nics: [e1000x]',
    /:5:30: machine\.nics\[0\]: found "e1000x" \(string\), expected "virtio-net-pci", "e1000" or "e1000e"/,
  ],
  [
    'an address of a QEMU board, which is asked over its wire',
    'bookworm-cloud-amd64',
    'bookworm-cloud-amd64\nnetwork: { host: 192.0.2.5 }',
    /network: a QEMU board is asked through its machine's nics$/m,
  ],
  [
    'an address that ping would take for an option',
    'bookworm-cloud-amd64',
    'bookworm-cloud-amd64\nnetwork: { host: -f }',
    /network\.host: found "-f"/,
  ],
  [
    'an image with nothing to boot',
    'bookworm-cloud-amd64',
    '{ initramfs: a }',
    /:6:8: image: a QEMU board needs a recipe, a kernel or a disk to boot$/m,
  ],
  [
    'an image of the wrong kind',
    'bookworm-cloud-amd64',
    '[a]',
    /:6:8: image: found a list of 1, expected the name of a recipe/,
  ],
]
for (const [what, from, to, expected] of mistakes) {
  test(`${what} is shown at its place`, async (t) =>
    t.regex(await errorOf(t, minimal.replace(from, to)), expected))
}

const additions: [string, string, RegExp][] = [
  [
    'a duration in another unit',
    'limits: { gap: 5 min }',
    /:7:16: limits\.gap: found "5 min" \(string\), expected a duration such as "500ms", "5s", "1h30m"$/m,
  ],
  ['a limit of zero', 'limits: { gap: 0s }', /:7:16: limits\.gap: a duration is above zero/],
  ['an unknown limit', 'limits: { gpa: 5s }', /:7:11: unknown key "gpa" in limits; did you mean "gap"\?/],
  [
    'a pattern that does not compile',
    "markers: { firmware: ['ok', '(SeaBIOS'] }",
    /:7:29: markers\.firmware\[1\]: not a regular expression: .*[Uu]nterminated group/,
  ],
  [
    'a pattern that can take forever',
    "markers: { firmware: ['(a+)+$'] }",
    /:7:23: markers\.firmware\[0\]: a repetition inside a repeated group/,
  ],
  [
    'a nested one that can take forever',
    "markers: { firmware: ['((?:[)]\\d*x)y)*$'] }",
    /a repetition inside a repeated group/,
  ],
  [
    'a pattern that matches every line',
    "markers: { firmware: ['x*'] }",
    /markers\.firmware\[0\]: matches every line/,
  ],
  [
    'a pattern of 501 characters',
    `markers: { firmware: [${'x'.repeat(501)}] }`,
    /expected a regular expression of 1 to 500 characters/,
  ],
  [
    'a loader that does not exist',
    'loader: { type: kexec-tool }',
    /loader\.type: found "kexec-tool" \(string\), expected "kexec-tools" or .*; did you mean "kexec-tools"\?/,
  ],
  [
    'unchecked kexec_file_load',
    'loader: { type: kexec-tools, syscall: kexec_file_load, checks: false }',
    /:7:64: loader\.checks: checks can't be left out with kexec_file_load/,
  ],
  [
    'an unknown system call',
    'loader: { type: kexec-tools, syscall: kexec_lode }',
    /loader\.syscall: .*expected "kexec_load" or "kexec_file_load"; did you mean "kexec_load"\?/,
  ],
  [
    'a canary in the middle of a page',
    'canary: { address: 0x3f000010, reserve: mem=1000M }',
    /:7:20: canary\.address: an address is a multiple of 4 KiB, not below zero$/m,
  ],
  [
    'a canary at no address',
    'canary: { address: 1G, reserve: mem=1000M }',
    /:7:20: canary\.address: found "1G" \(string\), expected a physical address such as "0x0e000000"$/m,
  ],
  [
    'a canary that is too large',
    'canary: { address: 0x3f000000, size: 1M, reserve: mem=1000M }',
    /:7:38: canary\.size: this size is a multiple of 4 KiB, up to 256K$/m,
  ],
  ['a canary that no kernel knows of', 'canary: { address: 0x3f000000 }', /missing key "reserve" in canary/],
  ['no stage', 'stages: []', /:7:9: stages: found a list of 0, expected a list of at least 1/],
  [
    'a stage that does not exist',
    'stages: [{ type: shel }]',
    /:7:18: stages\[0\]\.type: found "shel" \(string\), expected "shell"/,
  ],
  [
    'an allowance without owner',
    'allow: [{ signature: a, until: 2027-03-01, why: b }]',
    /missing key "owner" in allow\[0\]/,
  ],
  [
    'a day that is not in the calendar',
    'allow: [{ signature: a, until: 2027-02-30, owner: x, why: b }]',
    /allow\[0\]\.until: found "2027-02-30" \(string\), expected a date/,
  ],
]
for (const [what, line, expected] of additions) {
  test(`${what} is shown at its place`, async (t) =>
    t.regex(await errorOf(t, `${minimal}${line}\n`), expected))
}

test('harmless repetitions are allowed in patterns', async (t) => {
  const patterns = String.raw`['^\[ *\d+\.\d+\] reboot: (Restarting|Power down)+', 'CPU[0-9]+: (shut)?down', '[(+]+x']`
  const folder = await folderWith(t, `${minimal}markers: { lastOldLine: ${patterns} }\n`)
  t.is((await loadDescriptor('mine', folder)).markers.lastOldLine.length, 3)
})
