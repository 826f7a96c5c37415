/** QEMU's command line for one machine: a pure function of what a board descriptor and the harness ask for. */

export type QemuArch = 'x86_64' | 'arm64'

/** A QEMU binary and what it needs to run; `extraArgs` such as `-L` to its data folder come first on the line. */
export type QemuProgram = {
  path: string
  env?: Record<string, string>
  extraArgs?: string[]
}

export type QemuMachineDescription = {
  type: 'pc' | 'q35' | 'virt'
  /** Machine properties, such as `gic-version: 2`; true and false become on and off. */
  options?: Record<string, string | number | boolean>
  /** CPU model with its features, as `-cpu` takes it. Absent: the machine's own default. */
  cpu?: string
  cpus: number
  /** A number of MiB, or QEMU's own words such as `2G`. */
  memory: number | string
  accelerator: 'tcg' | 'kvm'
  /** One `-device` each, as QEMU takes it. */
  devices?: string[]
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
    ...['-accel', machine.accelerator],
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
    ...kernelArguments(options),
    ...(options.drives ?? []).flatMap((drive, index) =>
      driveArguments(drive, index, options.kernel === undefined),
    ),
    ...(machine.devices ?? []).flatMap((device) => ['-device', device]),
    ...(machine.extraArgs ?? []),
  ]
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
