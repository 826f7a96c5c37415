/** What kind of board a descriptor describes. Without the schema, which whoever was given a descriptor need not load. */
import type { QemuArch } from '../../qemu/arguments.ts'
import type { LineConfig } from '../console/transports.ts'
import type { SwitchConfig } from '../power/switches.ts'
import type { Descriptor } from './descriptor-schema.ts'
import type { BoardMachine } from './machine-schema.ts'

/** A QEMU machine, one that the bench rig puts behind the console and the switch of a real board, or a real board. */
export type BoardKind = 'qemu' | 'rig' | 'real'

/** Told by its console, since that is what a person begins with. */
export function kindOf({ console, rig }: Pick<Descriptor, 'console' | 'rig'>): BoardKind {
  if (console.type === 'qemu') return 'qemu'
  return console.type === 'rig' || rig !== undefined ? 'rig' : 'real'
}

/** A board that is a QEMU machine on this host. */
export type QemuDescriptor = Descriptor & { arch: QemuArch; machine: BoardMachine }

export function isQemu(descriptor: Descriptor): descriptor is QemuDescriptor {
  return descriptor.console.type === 'qemu' && descriptor.machine !== undefined
}

/**
 * A board whose console and power are reached as a real one's are: a real board, a labgrid place that was acquired, a
 * board of a rig that runs.
 */
export type RealDescriptor = Descriptor & { console: LineConfig; power: SwitchConfig }

export function isReal(descriptor: Descriptor): descriptor is RealDescriptor {
  const unresolved: readonly string[] = ['qemu', 'rig', 'place']
  return !unresolved.includes(descriptor.console.type) && !unresolved.includes(descriptor.power.type)
}
