import test from 'ava'
import { type QemuArguments, qemuArguments } from './arguments.ts'

const minimal: QemuArguments = {
  name: 'juno',
  machine: { type: 'virt', cpus: 2, memory: 512, accelerator: 'tcg' },
  consoleSocket: '/tmp/x/console.sock',
  qmpSocket: '/tmp/x/qmp.sock',
}

/** The values of every occurrence of an option. */
function values(args: string[], option: string): string[] {
  return args.flatMap((argument, index) => (argument === option ? [args[index + 1]!] : []))
}

test('a minimal machine has no devices of its own, waits for cont, and connects to the harness', (t) => {
  t.deepEqual(qemuArguments(minimal), [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-name', 'guest=juno', '-machine', 'virt'],
    ...[
      '-accel',
      'tcg',
      '-smp',
      '2',
      '-m',
      '512M',
      '-action',
      'reboot=shutdown,shutdown=pause,panic=pause',
      '-S',
    ],
    ...['-chardev', 'socket,id=console,path=/tmp/x/console.sock,server=off', '-serial', 'chardev:console'],
    ...['-chardev', 'socket,id=qmp,path=/tmp/x/qmp.sock,server=off', '-mon', 'chardev=qmp,mode=control'],
  ])
})

test('machine properties, CPU, memory and devices are passed on', (t) => {
  const options = { 'gic-version': 2, virtualization: true, its: false, 'x-text': 'a,b' }
  const devices = ['edu,addr=5', 'nvme,serial=1']
  const machine = {
    ...minimal.machine,
    options,
    cpu: 'max,pauth-impdef=on',
    memory: '2G',
    devices,
    extraArgs: ['-icount', '1'],
  }
  const args = qemuArguments({ ...minimal, machine })
  t.deepEqual(values(args, '-machine'), ['virt,gic-version=2,virtualization=on,its=off,x-text=a,,b'])
  t.deepEqual(values(args, '-cpu'), ['max,pauth-impdef=on'])
  t.deepEqual(values(args, '-m'), ['2G'])
  t.deepEqual(values(args, '-device'), devices)
  t.deepEqual(args.slice(-2), ['-icount', '1'])
})

test("the program's own arguments come first", (t) => {
  t.deepEqual(qemuArguments(minimal, { extraArgs: ['-L', '/x'] }).slice(0, 2), ['-L', '/x'])
})

test('a kernel, its initramfs and its command line are passed as they are', (t) => {
  const args = qemuArguments({
    ...minimal,
    kernel: '/a,b',
    initramfs: '/c',
    append: 'console=ttyS0,115200 x="a b"',
  })
  t.deepEqual(values(args, '-kernel'), ['/a,b'])
  t.deepEqual(values(args, '-initrd'), ['/c'])
  t.deepEqual(values(args, '-append'), ['console=ttyS0,115200 x="a b"'])
})

test('without a kernel there is no -append, which QEMU would refuse', (t) => {
  const args = qemuArguments({ ...minimal, append: 'console=ttyS0', initramfs: '/c' })
  t.false(args.includes('-append'))
  t.false(args.includes('-initrd'))
})

test('a machine that goes on from a state still has its kernel, as its firmware wants it at a reset', (t) => {
  const args = qemuArguments({ ...minimal, kernel: '/k', stateFd: 4 })
  t.deepEqual(values(args, '-incoming'), ['fd:4'])
  t.deepEqual(values(args, '-kernel'), ['/k'])
  t.deepEqual(values(qemuArguments(minimal), '-incoming'), [])
})

test('drives: commas in paths are doubled, and firmware boots from the first', (t) => {
  const drives = [
    { path: '/a,b.qcow2', format: 'qcow2', snapshot: true } as const,
    { path: '/c', readOnly: true, serial: 'data,1' },
  ]
  const booting = qemuArguments({ ...minimal, drives })
  t.deepEqual(values(booting, '-drive'), [
    'file=/a,,b.qcow2,if=none,id=drive0,format=qcow2,read-only=off,snapshot=on',
    'file=/c,if=none,id=drive1,read-only=on',
  ])
  t.deepEqual(values(booting, '-device'), [
    'virtio-blk-pci,drive=drive0,bootindex=0',
    'virtio-blk-pci,drive=drive1,serial=data,,1,bootindex=1',
  ])
  const withKernel = qemuArguments({ ...minimal, drives, kernel: '/k' })
  t.deepEqual(values(withKernel, '-device')[0], 'virtio-blk-pci,drive=drive0')
})

test('commas in names and socket paths are doubled', (t) => {
  const args = qemuArguments({ ...minimal, name: 'a,b', qmpSocket: '/tmp/x,y/qmp.sock' })
  t.deepEqual(values(args, '-name'), ['guest=a,,b'])
  t.true(args.includes('socket,id=qmp,path=/tmp/x,,y/qmp.sock,server=off'))
})

test('scratch disks share a controller of each kind, q35 has one for AHCI', (t) => {
  const disks = ['virtio-blk', 'ahci', 'nvme', 'ahci', 'usb-storage', 'usb-storage'] as const
  const devicesOf = (type: 'q35' | 'pc' | 'virt') =>
    values(qemuArguments({ ...minimal, machine: { ...minimal.machine, type, disks } }), '-device')
  t.deepEqual(devicesOf('q35'), [
    'qemu-xhci,id=xhci',
    'virtio-blk-pci,drive=scratch0,id=scratch0-disk,serial=scratch0',
    'ide-hd,bus=ide.0,drive=scratch1,id=scratch1-disk,serial=scratch1',
    'nvme,drive=scratch2,id=scratch2-disk,serial=scratch2',
    'ide-hd,bus=ide.1,drive=scratch3,id=scratch3-disk,serial=scratch3',
    'usb-storage,bus=xhci.0,drive=scratch4,id=scratch4-disk,serial=scratch4',
    'usb-storage,bus=xhci.0,drive=scratch5,id=scratch5-disk,serial=scratch5',
  ])
  for (const type of ['pc', 'virt'] as const) {
    t.deepEqual(devicesOf(type).slice(0, 2), ['ich9-ahci,id=ahci', 'qemu-xhci,id=xhci'])
    t.regex(devicesOf(type)[3] ?? '', /^ide-hd,bus=ahci\.0,/)
  }
})

test('each NIC has an address and a wire of its own', (t) => {
  const args = qemuArguments({
    ...minimal,
    machine: { ...minimal.machine, nics: ['e1000e', 'virtio-net-pci'] },
  })
  t.deepEqual(values(args, '-netdev'), ['socket,id=wire0,fd=3', 'socket,id=wire1,fd=4'])
  t.deepEqual(values(args, '-device'), [
    'e1000e,netdev=wire0,id=nic0,mac=52:54:00:6b:78:00,romfile=',
    'virtio-net-pci,netdev=wire1,id=nic1,mac=52:54:00:6b:78:01,romfile=',
  ])
})

test('devices such as an IOMMU come before all that it translates for', (t) => {
  const machine = { ...minimal.machine, devices: ['intel-iommu'], disks: ['nvme'], nics: ['e1000'] } as const
  const args = qemuArguments({
    ...minimal,
    machine: { ...machine, devices: [...machine.devices] },
    drives: [{ path: '/p' }],
  })
  t.deepEqual(
    values(args, '-device').map((device) => device.split(',')[0]),
    ['intel-iommu', 'virtio-blk-pci', 'nvme', 'e1000'],
  )
})

test('firmware is in one flash, its variables in another, which is not written to', (t) => {
  const machine = { ...minimal.machine, flash: { code: '/code', variables: '/a,b' } }
  t.deepEqual(values(qemuArguments({ ...minimal, machine }), '-drive').slice(-2), [
    'if=pflash,unit=0,format=raw,readonly=on,file=/code',
    'if=pflash,unit=1,format=raw,snapshot=on,file=/a,,b',
  ])
})

test('a folder for TFTP comes with a card and a network that leads nowhere else', (t) => {
  const machine = { ...minimal.machine, tftp: '/tmp/a,b' }
  const args = qemuArguments({ ...minimal, machine })
  t.deepEqual(values(args, '-netdev'), ['user,id=boot,restrict=on,tftp=/tmp/a,,b,bootfile=pxelinux.0'])
  t.regex(values(args, '-device').join(), /^virtio-net-pci,netdev=boot,.*romfile=$/)
})
