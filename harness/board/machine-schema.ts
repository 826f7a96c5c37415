/** The keys of a board's `machine`: a QEMU machine, part by part. */
import { z } from 'zod'
import { diskModels, nicModels } from '../../qemu/arguments.ts'
import { oneLine } from '../values.ts'
import { sizeMiB } from './descriptor-values.ts'

export const arch = z.enum(['x86_64', 'arm64', 'ppc64le']).meta({ description: "The board's architecture." })
type Arch = z.infer<typeof arch>

const pxeLabel = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,40}$/)
  .meta({ title: 'a label of a pxelinux.cfg', examples: ['main'] })

export const machineTypes = {
  x86_64: ['pc', 'q35'],
  arm64: ['virt'],
  ppc64le: ['pseries', 'powernv9'],
} as const satisfies Record<Arch, readonly string[]>
const machine = {
  type: z.enum(['pc', 'q35', 'virt', 'pseries', 'powernv9']).meta({
    description: 'pc or q35 for x86_64, virt for arm64, pseries or powernv9 for ppc64le.',
  }),
  options: z
    .record(z.string().regex(/^[a-z][A-Za-z0-9._-]*$/), z.union([oneLine, z.number(), z.boolean()]))
    .default({})
    .meta({ description: 'Machine properties, as in `-machine TYPE,NAME=VALUE`.' }),
  cpu: oneLine
    .optional()
    .meta({ description: "CPU model and features, as `-cpu` takes them; the machine's own default." }),
  cpus: z.number().int().min(1).max(512).default(2),
  accelerator: z.enum(['auto', 'tcg', 'kvm', 'icount']).default('auto').meta({
    description:
      'auto is KVM where a probe shows that it works, else TCG. icount is TCG that counts instructions, each for a nanosecond: how busy the host is has no part in a gap then. It takes cpus: 1.',
  }),
  devices: z.array(oneLine).default([]).meta({
    description: 'One `-device` each, as QEMU takes it; before all other devices, as an IOMMU has to be.',
  }),
  disks: z.array(z.enum(diskModels)).max(8).default([]).meta({
    description: 'Empty scratch disks of 64 MiB, which are read without end while a kexec comes.',
  }),
  nics: z.array(z.enum(nicModels)).max(8).default([]).meta({
    description:
      'Network cards that are connected to the harness, which sends them frames while a kexec comes.',
  }),
  pxe: z.array(pxeLabel).max(16).default([]).meta({
    description:
      'Entries of a pxelinux.cfg, by label, that a TFTP server at 10.0.2.2 offers; all boot the image, but only the chosen one with its nonce.',
  }),
  extraArgs: z.array(oneLine).default([]).meta({ description: 'Further arguments for QEMU, one an item.' }),
}
export const parsedMachine = z.strictObject({ ...machine, memoryMiB: z.number() })
export type BoardMachine = z.infer<typeof parsedMachine>
export const fileMachine = z
  .strictObject({ ...machine, memory: sizeMiB.prefault('1G') })
  .transform(({ memory, ...rest }): BoardMachine => ({ ...rest, memoryMiB: memory }))
