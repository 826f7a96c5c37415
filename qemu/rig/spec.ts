/** What a descriptor says of a board on the bench rig: a QEMU machine that is reached as a real board is. */
import { z } from 'zod'
import { durationText } from '../../harness/duration.ts'
import { secretSource } from '../../harness/secret.ts'
import { oneLine } from '../../harness/values.ts'

/** The board's console, as the harness's own transport of that name meets it. */
export const rigConsole = z
  .strictObject({
    type: z.literal('rig'),
    as: z.enum(['serial', 'tcp', 'telnet', 'ipmi-sol']).meta({
      description:
        'serial is a PTY; tcp and telnet are ser2net on that PTY; ipmi-sol is the serial-over-LAN of ipmi_sim.',
    }),
    baud: z.number().int().min(300).max(4_000_000).default(115_200).meta({
      description: 'What the line is set to. A PTY takes any and is as fast as its reader.',
    }),
  })
  .meta({ description: 'A console of the bench rig, which starts what it takes.' })
export type RigConsole = z.infer<typeof rigConsole>

/** The board's power switch, as the harness's own switch of that name meets it. */
export const rigPower = z
  .strictObject({
    type: z.literal('rig'),
    as: z.enum(['pdudaemon', 'ipmi', 'lcus-1', 'web', 'modbus']).meta({
      description:
        'pdudaemon and ipmi (ipmi_sim) are the real daemons; the LCUS-1 relay, the PDU that has only a web page and the Modbus relay are simulated.',
    }),
    offDwell: durationText.default('500ms').meta({ description: 'The least time between off and on.' }),
  })
  .meta({ description: 'A power switch of the bench rig, which starts what it takes.' })
export type RigPower = z.infer<typeof rigPower>

const after = oneLine.meta({ description: 'Plain text of the console that brings the fault on.' })
const count = z
  .number()
  .int()
  .min(1)
  .default(1)
  .meta({ description: 'At which time of that text, counted from the start of the rig.' })

/** Simulated faults of a rack and of boards in it. */
const rigFault = z.discriminatedUnion('type', [
  z
    .strictObject({ type: z.literal('hang'), after, count })
    .meta({ description: 'The machine stops dead and silent until its power is cut.' }),
  z
    .strictObject({
      type: z.literal('cut-console'),
      after,
      count,
      for: durationText.default('5s').meta({ description: 'How long it is away.' }),
    })
    .meta({
      description:
        'The console is unplugged: the PTY hangs up, the port refuses; then it is back at its place.',
    }),
  z
    .strictObject({ type: z.literal('dead-relay') })
    .meta({ description: 'The power switch says yes, and nothing happens.' }),
  z
    .strictObject({ type: z.literal('silent-relay') })
    .meta({ description: 'The power switch does not answer.' }),
])
export type RigFault = z.infer<typeof rigFault>

/** What is particular to a board of the rig. */
export const rigSpec = z
  .strictObject({
    firmware: z.enum(['none', 'u-boot']).default('none').meta({
      description:
        "none: QEMU starts the image's kernel itself. u-boot: Debian's u-boot-qemu boots it from a disk.",
    }),
    password: secretSource.optional().meta({
      description: "With u-boot: where root's password is, for which the kernels of the disk then ask.",
    }),
    faults: z.array(rigFault).max(8).default([]).meta({ description: 'Simulated faults of this board.' }),
  })
  .meta({ description: 'What is particular to a board of the bench rig.' })
export type RigSpec = z.infer<typeof rigSpec>
