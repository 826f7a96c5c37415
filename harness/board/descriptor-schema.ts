/** What a board descriptor may say (`descriptorFile`), and what the harness makes of it (`parsedDescriptor`). */
import { z } from 'zod'
import { isUrl } from '../../images/file-url.ts'
import { rigConsole, rigPower, rigSpec } from '../../qemu/rig/spec.ts'
import { consoleTypes } from '../console/transports.ts'
import { duration, durationText } from '../duration.ts'
import { powerTypes } from '../power/switches.ts'
import { host, oneLine, port } from '../values.ts'
import { boardName, fileOrUrl, pageAddress, pagesBytes, pathOrUrl, pattern } from './descriptor-values.ts'
import { type BoardKind, kindOf } from './kinds.ts'
import { placeKeys } from './labgrid/place.ts'
import { loaderTypes, methodOf } from './loader-types.ts'
import { arch, type BoardMachine, fileMachine, machineTypes, parsedMachine } from './machine-schema.ts'
import { stageTypes } from './stage/stages.ts'

/** A console or a power switch that comes with the board's labgrid place. */
const ofPlace = z
  .strictObject({ type: z.literal('place') })
  .meta({ description: 'Taken from the labgrid place; so is what a board with a place leaves out.' })
const boardConsole = z.discriminatedUnion('type', [...consoleTypes.options, rigConsole, ofPlace])
const boardPower = z.discriminatedUnion('type', [...powerTypes.options, rigPower, ofPlace])

const recovery = z.strictObject({
  sysrq: z.boolean().default(true).meta({
    description:
      'Asks a hung kernel for its tasks and CPUs, and to reboot, by a serial BREAK and sysrq keys.',
  }),
  loaderTimeout: durationText.optional().meta({
    description: "How long the loader's own time-out or a watchdog may take to bring the board back.",
  }),
  powerCycles: z.number().int().min(1).max(10).default(2).meta({
    description: 'How often the power is cycled before the board is put into quarantine.',
  }),
})

/** The keys of an image that name files; `file` is a path or a URL, as text or as people may write it. */
const imageFiles = <File extends z.ZodType<string>>(file: File) => ({
  kernel: file.optional().meta({
    description:
      'Path of a kernel: from the folder of this file, or, on a real board, where it lies on the board. Or a URL with the checksum of its file.',
  }),
  initramfs: file.optional().meta({
    description:
      'Path of an initramfs, from where the path of the kernel starts too, or a URL with the checksum of its file.',
  }),
  disk: oneLine.optional().meta({ description: 'Path of a disk image, from the folder of this file.' }),
})
const recipe = oneLine.meta({ title: 'the name of a recipe in images/', examples: ['bookworm-cloud-amd64'] })
const parsedImage = z.strictObject({ recipe: recipe.optional(), ...imageFiles(pathOrUrl) })
/** What the board boots: a recipe, whose parts the other keys replace, or files of the user's own. */
export type BoardImage = z.infer<typeof parsedImage>
const fileImage = z.union([
  recipe.transform((name): BoardImage => ({ recipe: name })),
  z.strictObject({ recipe: recipe.optional(), ...imageFiles(fileOrUrl) }),
])

const parsedLimits = z.strictObject({
  bootMs: z.number(),
  loadMs: z.number(),
  shutdownMs: z.number(),
  gapMs: z.number(),
  startupMs: z.number(),
})
/** The longest that each part may take, in milliseconds. */
type Limits = z.infer<typeof parsedLimits>
const fileLimits = z
  .strictObject({
    boot: duration.prefault('2m').meta({ description: 'Power-on to ready.' }),
    load: duration.prefault('2m').meta({ description: 'The command that loads the new kernel.' }),
    shutdown: duration.prefault('60s').meta({ description: "Execute to the old kernel's last line." }),
    gap: duration.prefault('90s').meta({ description: "The old kernel's last line to the new one's first." }),
    startup: duration.prefault('2m').meta({ description: "The new kernel's first line to ready." }),
  })
  .transform(
    ({ boot, load, shutdown, gap, startup }): Limits => ({
      bootMs: boot,
      loadMs: load,
      shutdownMs: shutdown,
      gapMs: gap,
      startupMs: startup,
    }),
  )

const reserve = oneLine.meta({
  description: 'What the command line of every generation says so that no kernel uses the region.',
})
const parsedCanary = z.strictObject({ address: z.number(), sizeBytes: z.number(), reserve })
/** Memory that no kernel uses: filled with a pattern before a kexec, looked at after it. */
type Canary = z.infer<typeof parsedCanary>
const fileCanary = z
  .strictObject({
    address: pageAddress.meta({ description: 'Physical address of the region, a multiple of 4 KiB.' }),
    size: pagesBytes.prefault('64K').meta({ description: 'A multiple of 4 KiB, up to 256K.' }),
    reserve,
  })
  .transform(({ size, ...rest }): Canary => ({ ...rest, sizeBytes: size }))

const markers = z.strictObject({
  lastOldLine: z.array(pattern).default([]).meta({ description: "The old kernel's last line." }),
  firstNewLine: z.array(pattern).default([]).meta({ description: "The new kernel's first line." }),
  firmware: z.array(pattern).default([]).meta({ description: 'Banners that only a cold boot shows.' }),
})

const regression = z.strictObject({
  percent: z.number().min(0).max(1000).default(5).meta({ description: 'Of its median in the baseline.' }),
  time: durationText.default('20ms').meta({ description: 'As a duration.' }),
})

const network = z.strictObject({
  host: host.meta({ description: "The board's name or address, as it is reached from this host." }),
  tcpPort: port.default(22).meta({
    description: 'Port that is asked for a TCP connection; that it is closed is an answer too.',
  }),
})
export type Network = z.infer<typeof network>

const allowance = z.strictObject({
  signature: oneLine.meta({ description: "A finding's id." }),
  driver: oneLine.optional().meta({ description: 'Only where the finding names this driver.' }),
  until: z.iso.date().meta({ title: 'a date, the last day on which this counts', examples: ['2027-03-01'] }),
  owner: oneLine.meta({ description: 'Whom to ask.' }),
  why: oneLine,
})

const shared = {
  name: boardName.meta({ description: "The board's name, that of this file without .yaml." }),
  arch,
  console: boardConsole.prefault({ type: 'place' }),
  power: boardPower.prefault({ type: 'place' }),
  ...placeKeys,
  rig: rigSpec.optional(),
  recovery: recovery.prefault({}).meta({ description: 'What is tried when a board hangs, in this order.' }),
  retries: z.number().int().min(0).max(5).default(1).meta({
    description:
      'How often a test that the lab broke (console, power) is tried again; every attempt is kept.',
  }),
  stages: z
    .array(stageTypes)
    .min(1)
    .prefault([{ type: 'shell' }]),
  loader: loaderTypes.prefault({ type: 'kexec-tools' }),
  append: z
    .string()
    .max(2048)
    .regex(/^[^\u0000-\u001f\u007f]*$/)
    .default('')
    .meta({ description: 'Added to the kernel command line of every generation.' }),
  earlyConsole: z.boolean().default(true).meta({
    description:
      'False leaves out earlycon and earlyprintk: the gap then ends when the console driver starts.',
  }),
  markers: markers.prefault({}).meta({ description: "Regular expressions added to the architecture's own." }),
  network: network.optional().meta({
    description:
      "A real board's address, which the suite downtime pings; a QEMU board has nics and an address of the harness's.",
  }),
  regression: regression.prefault({}).meta({
    description: "What a phase has to be slower by than the board's baseline to count, both of them.",
  }),
  allow: z.array(allowance).default([]).meta({ description: 'Known findings that do not fail a run.' }),
}

/** A descriptor as the harness works with it; plain JSON, so that it survives the journal. */
export const parsedDescriptor = z
  .strictObject({
    ...shared,
    machine: parsedMachine.optional(),
    image: parsedImage,
    limits: parsedLimits,
    canary: parsedCanary.optional(),
  })
  .meta({ title: 'board' })
export type Descriptor = z.infer<typeof parsedDescriptor>

/** What fits none of the parts alone: a machine and how it is reached, what it boots, its architecture. */
function mismatches(board: Descriptor): Mismatch[] {
  const { machine } = board
  const found = [...kindMismatches(board, kindOf(board))]
  if (machine) {
    const fitting: readonly string[] = machineTypes[board.arch]
    const message = `"${machine.type}" is no ${board.arch} machine; one is ${fitting.join(' or ')}`
    if (!fitting.includes(machine.type)) found.push({ path: ['machine', 'type'], message })
    found.push(...icountMismatches(board.arch, machine))
  }
  if (board.stages.at(-1)?.type !== 'shell')
    found.push({ path: ['stages'], message: 'the last stage is a shell: that is where the loader runs' })
  return found
}

/** QEMU 7.2 never brings up a second CPU of x86 while it counts, and nothing reads POWER's count. */
function icountMismatches(arch: Descriptor['arch'], { accelerator, cpus }: BoardMachine): Mismatch[] {
  if (accelerator !== 'icount') return []
  if (arch === 'ppc64le')
    return [{ path: ['machine', 'accelerator'], message: 'icount is for x86_64 and arm64' }]
  return cpus === 1 ? [] : [{ path: ['machine', 'cpus'], message: 'accelerator icount takes cpus: 1' }]
}

function kindMismatches(
  { console, power, machine, image, rig, place, network }: Descriptor,
  kind: BoardKind,
): Mismatch[] {
  const wrong: Mismatch[] = []
  const need = (holds: boolean, key: string, message: string) => {
    if (!holds) wrong.push({ path: key.split('.'), message })
  }
  const a = { qemu: 'a QEMU board', rig: 'a board of the rig', real: 'a real board' }[kind]
  const types = { qemu: ['qemu'], rig: ['rig'], real: undefined }[kind]
  if (kind === 'real') {
    need(!['qemu', 'rig'].includes(power.type), 'power.type', `${a} has no power ${power.type}`)
    need(machine === undefined, 'machine', `${a} has no machine`)
    for (const key of ['recipe', 'disk'] as const)
      need(image[key] === undefined, `image.${key}`, `${a} boots no ${key} of this host`)
    for (const key of ['kernel', 'initramfs'] as const)
      need(
        !isUrl(image[key] ?? ''),
        `image.${key}`,
        `${a} kexecs files that lie on it, so this is a path there`,
      )
    need(
      console.type !== 'place' || place !== undefined,
      'console',
      'a board without a place needs a console',
    )
    need(
      power.type !== 'place' || place !== undefined,
      'power',
      'a board without a place needs a power switch',
    )
    return wrong
  }
  need(types!.includes(console.type), 'console.type', `${a} has the console ${kind}`)
  need(types!.includes(power.type), 'power.type', `${a} has the power ${kind}`)
  need(machine !== undefined, 'machine', `${a} needs a machine`)
  need(kind === 'rig' || network === undefined, 'network', `${a} is asked through its machine's nics`)
  need((rig !== undefined) === (kind === 'rig'), 'rig', `${a} has ${kind === 'rig' ? 'to say' : 'no'} rig`)
  const boots = image.recipe !== undefined || (kind === 'qemu' && (image.kernel ?? image.disk) !== undefined)
  need(boots, 'image', `${a} needs a recipe${kind === 'qemu' ? ', a kernel or a disk' : ''} to boot`)
  return wrong
}
type Mismatch = { path: string[]; message: string }

/** A descriptor as people write it; parsing gives a `Descriptor`. */
export const descriptorFile: z.ZodType<Descriptor> = z
  .strictObject({
    ...shared,
    machine: fileMachine.optional().meta({ description: 'The QEMU machine; a real board has none.' }),
    image: fileImage.prefault({}).meta({
      description:
        "What a QEMU board boots: a recipe's name, or files. What a real board kexecs: files on it.",
    }),
    limits: fileLimits.prefault({}).meta({ description: 'The longest that each part may take.' }),
    canary: fileCanary.optional().meta({
      description: 'Memory that no kernel uses: filled with a pattern before a kexec, looked at after it.',
    }),
  })
  .superRefine((board, context) => {
    for (const { path, message } of mismatches(board)) context.addIssue({ code: 'custom', path, message })
    const { syscall, checks } = methodOf(board.loader)
    if (syscall === 'kexec_file_load' && !checks && board.loader.type === 'kexec-tools') {
      const message = "checks can't be left out with kexec_file_load: the kernel brings its own purgatory"
      context.addIssue({ code: 'custom', path: ['loader', 'checks'], message })
    }
  })
  .meta({ title: 'board' })
