/** Writes the descriptor of a new board, so that whoever reads it sees what else it could say. */
import { type Field, flowText, type Kind } from './fields.ts'

/** A section that was chosen, and what was answered for its keys. */
export type Section = { kind: Kind; values: Record<string, unknown> }

export type Answers = {
  name: string
  arch: string
  console: Section
  power: Section
  /** From power-on to the shell, which comes last. */
  stages: Section[]
  kernel: string
  initramfs: string | undefined
}

/** The text of a descriptor. */
export function descriptorText({ name, arch, console, power, stages, kernel, initramfs }: Answers): string {
  return `# yaml-language-server: $schema=./schema.json
# Written by \`npm run board -- new\`. Is it so on the rack? npm run doctor -- --board ${name} --power
name: ${flowText(name)} # the name of this file; npm test -- --board ${name}
arch: ${arch}

# ${console.kind.description} All kinds: docs/consoles.md
console:
${section(console, '  ')}

# ${power.kind.description} All kinds: docs/power.md
power:
${section(power, '  ')}

# From power-on to the kernel that will kexec. All kinds: docs/stages.md
stages:
${stages.map((stage) => section(stage, '    ').replace(/^ {3} /, '  - ')).join('\n')}

# How the new kernel is loaded: kexec_load or kexec_file_load, with purgatory's checksum or without.
loader: { type: kexec-tools, syscall: kexec_load, checks: true }

# The kernel that is started by kexec: paths on the board.
image:
  kernel: ${flowText(kernel)}
${initramfs ? `  initramfs: ${flowText(initramfs)}` : '  # initramfs: /boot/initrd.img'}

# Added to every kernel's command line, such as root=/dev/sda2.
append: ''

# The longest that each part may take.
limits: { boot: 5m, load: 2m, shutdown: 2m, gap: 2m, startup: 5m }
`
}

function section({ kind, values }: Section, indent: string): string {
  const lines = [`type: ${kind.type}`, ...kind.fields.flatMap((field) => fieldLine(field, values))]
  return lines.map((line) => indent + line).join('\n')
}

/** A key that was answered, or, as a comment, one that has a value all the same. */
function fieldLine(
  { key, description, fallback, askable }: Field,
  values: Record<string, unknown>,
): string[] {
  const value = values[key]
  const note = description === undefined ? '' : ` # ${description}`
  if (value !== undefined) return [`${key}: ${flowText(value)}${note}`]
  return askable && fallback !== undefined ? [`# ${key}: ${flowText(fallback)}${note}`] : []
}
