/** QEMU's command line for one machine: a pure function of what a board descriptor and the harness ask for. */

export type QemuArch = 'x86_64' | 'arm64' | 'ppc64le'

/** What executes the guest's code; icount: TCG that counts instructions and takes each for a nanosecond of the guest's time. */
export type AcceleratorName = 'tcg' | 'kvm' | 'icount'

/** A QEMU binary and what it needs to run; `extraArgs` such as `-L` to its data folder come first on the line. */
export type QemuProgram = {
  path: string
  env?: Record<string, string>
  extraArgs?: string[]
}

/** How a scratch disk is attached: 64 MiB of zeros that no file holds, slow enough to be always at work when read. */
export const diskModels = ['virtio-blk', 'nvme', 'ahci', 'usb-storage'] as const
type DiskModel = (typeof diskModels)[number]

/** Network cards on PCI, each of which gets a wire to the harness. */
export const nicModels = ['virtio-net-pci', 'e1000', 'e1000e'] as const
type NicModel = (typeof nicModels)[number]

/** The first file descriptor that QEMU inherits after its standard streams; the wire of NIC n is this one + n. */
export const firstInheritedFd = 3

export type QemuMachineDescription = {
  type: 'pc' | 'q35' | 'virt' | 'pseries' | 'powernv9'
  /** Machine properties, such as `gic-version: 2`; true and false become on and off. */
  options?: Record<string, string | number | boolean>
  /** CPU model with its features, as `-cpu` takes it. Absent: the machine's own default. */
  cpu?: string
  cpus: number
  /** A number of MiB, or QEMU's own words such as `2G`. */
  memory: number | string
  accelerator: AcceleratorName
  /** One `-device` each, as QEMU takes it. */
  devices?: string[]
  disks?: readonly DiskModel[]
  nics?: readonly NicModel[]
  /** Folder that a TFTP server offers at 10.0.2.2, to a card of its own on a network with nobody else. */
  tftp?: string | undefined
  /** Firmware in flash memory, and the store of its variables; what is written to that is lost with QEMU. */
  flash?: { code: string; variables: string } | undefined
  /** Last on the line, as they are. */
  extraArgs?: string[]
}

/** A disk, attached as virtio-blk on PCI. */
export type Drive = {
  path: string
  readOnly?: boolean
  /** What the guest reads as the disk's serial number; 20 characters at most. */
  serial?: string
  /** True: writes go to a temporary file that vanishes with QEMU. */
  snapshot?: boolean
  /** Absent: told from the first bytes of the file when the machine starts. */
  format?: 'raw' | 'qcow2'
}

export type QemuArguments = {
  name: string
  machine: QemuMachineDescription
  /** Absent: the machine's firmware boots from the first drive. */
  kernel?: string
  initramfs?: string
  append?: string
  drives?: Drive[]
  /** Paths of the sockets on which the harness listens and to which QEMU connects. */
  consoleSocket: string
  qmpSocket: string
  /** Inherited file descriptor of a state that the machine is to go on from, instead of booting. */
  stateFd?: number | undefined
}

/** The arguments after the program's name. */
export function qemuArguments(
  options: QemuArguments,
  program: Pick<QemuProgram, 'extraArgs'> = {},
): string[] {
  const { machine } = options
  return [
    ...(program.extraArgs ?? []),
    ...['-no-user-config', '-nodefaults', '-display', 'none'],
    ...['-name', `guest=${escapeCommas(options.name)}`],
    ...['-machine', [machine.type, ...Object.entries(machine.options ?? {}).map(property)].join(',')],
    ...acceleratorArguments(machine.accelerator),
    ...(machine.cpu === undefined ? [] : ['-cpu', machine.cpu]),
    ...['-smp', String(machine.cpus), '-m', memorySize(machine.memory)],
    // A guest that resets, powers off or panics is paused as it is, and can still be examined.
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause'],
    // The CPUs wait until console and QMP are connected, so that nothing is lost.
    '-S',
    ...socketChardev('console', options.consoleSocket),
    ...['-serial', 'chardev:console'],
    ...socketChardev('qmp', options.qmpSocket),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...(options.stateFd === undefined ? [] : ['-incoming', `fd:${options.stateFd}`]),
    ...kernelArguments(options),
    // First of all devices: an IOMMU translates for those only that come after it.
    ...(machine.devices ?? []).flatMap((device) => ['-device', device]),
    ...(options.drives ?? []).flatMap((drive, index) =>
      driveArguments(drive, index, options.kernel === undefined),
    ),
    ...diskArguments(machine),
    ...nicArguments(machine.nics ?? []),
    ...(machine.tftp === undefined ? [] : tftpArguments(machine.tftp)),
    ...(machine.flash === undefined ? [] : flashArguments(machine.flash)),
    ...(machine.extraArgs ?? []),
  ]
}

/** Without `sleep=off` a guest that has nothing to do waits as long as it says, instead of leaping to its next timer. */
function acceleratorArguments(accelerator: AcceleratorName): string[] {
  return accelerator === 'icount' ? ['-accel', 'tcg', '-icount', 'shift=0'] : ['-accel', accelerator]
}

/** QEMU's option syntax ends a value at a comma unless the comma is doubled. */
export function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,')
}

function property([name, value]: [string, string | number | boolean]): string {
  const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
  return `${name}=${escapeCommas(text)}`
}

function memorySize(memory: number | string): string {
  return typeof memory === 'number' ? `${memory}M` : memory
}

function socketChardev(id: string, path: string): string[] {
  return ['-chardev', `socket,id=${id},path=${escapeCommas(path)},server=off`]
}

function kernelArguments({ kernel, initramfs, append }: QemuArguments): string[] {
  if (kernel === undefined) return []
  return [
    ...['-kernel', kernel],
    ...(initramfs === undefined ? [] : ['-initrd', initramfs]),
    ...(append === undefined ? [] : ['-append', append]),
  ]
}

function driveArguments(drive: Drive, index: number, bootable: boolean): string[] {
  const id = `drive${index}`
  const backend = [
    `file=${escapeCommas(drive.path)}`,
    ...['if=none', `id=${id}`],
    ...(drive.format === undefined ? [] : [`format=${drive.format}`]),
    `read-only=${drive.readOnly === true ? 'on' : 'off'}`,
    ...(drive.snapshot === true ? ['snapshot=on'] : []),
  ]
  const device = [
    ...['virtio-blk-pci', `drive=${id}`],
    ...(drive.serial === undefined ? [] : [`serial=${escapeCommas(drive.serial)}`]),
    ...(bootable ? [`bootindex=${index}`] : []),
  ]
  return ['-drive', backend.join(','), '-device', device.join(',')]
}

/**
 * `null-co` answers each request after `latency-ns`, so a disk that is read without end always has one in flight and
 * costs the host next to nothing. 20 ms is what a slow disk takes to seek.
 */
const scratchBackend = 'driver=null-co,size=67108864,read-zeroes=on,latency-ns=20000000'

function diskArguments({ type, disks = [] }: QemuMachineDescription): string[] {
  // q35 has an AHCI controller of its own, whose buses are called ide.0 to ide.5.
  const ahci = type === 'q35' ? 'ide' : 'ahci'
  const controllers = [
    ...(disks.includes('ahci') && type !== 'q35' ? ['ich9-ahci,id=ahci'] : []),
    ...(disks.includes('usb-storage') ? ['qemu-xhci,id=xhci'] : []),
  ]
  let ports = 0
  const disk = (model: DiskModel, id: string): string[] => {
    const common = `drive=${id},id=${id}-disk,serial=${id}`
    const device = {
      'virtio-blk': () => `virtio-blk-pci,${common}`,
      nvme: () => `nvme,${common}`,
      ahci: () => `ide-hd,bus=${ahci}.${ports++},${common}`,
      'usb-storage': () => `usb-storage,bus=xhci.0,${common}`,
    }[model]()
    return ['-blockdev', `node-name=${id},${scratchBackend}`, '-device', device]
  }
  return [
    ...controllers.flatMap((controller) => ['-device', controller]),
    ...disks.flatMap((model, index) => disk(model, `scratch${index}`)),
  ]
}

/**
 * `-netdev socket` and an inherited file descriptor: `-netdev stream` is as good, but is not there before QEMU 7.2.
 * No option ROM, which would boot from the network and may not be installed.
 */
function nicArguments(nics: readonly NicModel[]): string[] {
  return nics.flatMap((model, index) => [
    ...['-netdev', `socket,id=wire${index},fd=${firstInheritedFd + index}`],
    ...['-device', `${model},netdev=wire${index},id=nic${index},mac=${nicAddress(index)},romfile=`],
  ])
}

/** `restrict=on` leaves QEMU's own servers (TFTP, DHCP) and nothing else, neither the host nor what is behind it. */
function tftpArguments(folder: string): string[] {
  return [
    // DHCP has to name a file: clients look for pxelinux.cfg beside it, whether it is there or not.
    ...['-netdev', `user,id=boot,restrict=on,tftp=${escapeCommas(folder)},bootfile=pxelinux.0`],
    ...['-device', `virtio-net-pci,netdev=boot,id=bootnic,mac=${bootNicAddress},romfile=`],
  ]
}
const bootNicAddress = '52:54:00:6b:78:80'

function flashArguments({ code, variables }: { code: string; variables: string }): string[] {
  const unit = (number: number, file: string, mode: string) => [
    '-drive',
    `if=pflash,unit=${number},format=raw,${mode},file=${escapeCommas(file)}`,
  ]
  return [...unit(0, code, 'readonly=on'), ...unit(1, variables, 'snapshot=on')]
}

/** A locally administered address with QEMU's prefix; the harness's end of the wires is :ff. */
function nicAddress(index: number): string {
  return `52:54:00:6b:78:${index.toString(16).padStart(2, '0')}`
}
