/** One entry of the catalogue of what a console says when a kexec goes wrong, as its YAML has it. */
import { z } from 'zod'
import { backtracksCatastrophically } from './backtracking.ts'
import { parsePattern, requiredLiterals } from './pattern.ts'
import { minLiteralLength } from './prefilter.ts'

export const severities = ['fatal', 'error', 'warning', 'info'] as const

export const phaseNames = ['load', 'shutdown', 'handover', 'early', 'probe', 'userspace'] as const
/** The part of a cycle in which a line came; a cold boot has only the last three. */
export type Phase = (typeof phaseNames)[number]

const archNames = ['x86_64', 'arm64', 'arm', 'riscv64', 'ppc64le', 's390x'] as const

/** A pattern that is safe to run. Checks after it are skipped where it is not, as they would run it. */
const safePattern = (probing: boolean) =>
  z.string().superRefine((source, context) => {
    const message = broken(source, probing)
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false })
  })

const linePattern = (probing: boolean) =>
  safePattern(probing).refine(hasLiteral, {
    error: `needs ${minLiteralLength} or more fixed characters in a row in each alternative, by which lines are found fast`,
  })

const text = z.string().trim().min(1)

const signatureSchema = (probing: boolean) =>
  z
    .strictObject({
      id: text
        .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
        .meta({ title: 'an id in kebab-case', examples: ['irq-nobody-cared'] }),
      finding: text
        .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
        .optional()
        .meta({
          description:
            "The finding's id, where several signatures show the same thing; else the signature's.",
        }),
      pattern: linePattern(probing).meta({
        description: 'JavaScript regular expression, tried against one line without its control sequences.',
      }),
      form: z.enum(['line', 'block', 'trace']).default('line').meta({
        description:
          'line: one message. block: the first or an early line of a dump that is kept whole. trace: names the dump that it stands in, and counts nowhere else.',
      }),
      until: safePattern(probing)
        .optional()
        .meta({ description: "The block's last line, where it has one." }),
      phases: z.union([z.literal('any'), z.array(z.enum(phaseNames)).min(1)]),
      arch: z.union([z.literal('any'), z.array(z.enum(archNames)).min(1)]).default('any'),
      severity: z.enum(severities),
      expected: z.boolean().default(false).meta({
        description: 'True for a line that looks wrong and is not: no other signature counts on it.',
      }),
      meaning: text,
      advice: text,
      source: text.meta({
        description: 'Where the message is from: a kernel file, or a thread that shows it.',
      }),
      example: text.meta({ description: 'A line that the pattern matches.' }),
    })
    .refine(({ until, form }) => until === undefined || form === 'block', {
      path: ['until'],
      error: 'only a signature with "form: block" has a last line',
    })
    .refine(({ pattern, example }) => new RegExp(pattern).test(example), {
      path: ['example'],
      error: 'the pattern does not match this line',
    })

/** One thing that a console says when something is wrong. */
export type Signature = z.output<ReturnType<typeof signatureSchema>>

/**
 * A file of signatures. `probing` tries each pattern for catastrophic backtracking, a millisecond each: the project's
 * own files are tried by a test instead.
 */
export const catalogueSchema = (probing: boolean) =>
  z
    .strictObject({ signatures: z.array(signatureSchema(probing)).min(1) })
    .meta({ title: 'signature catalogue' })

/** Why a pattern can't be used, or undefined. */
function broken(source: string, probing: boolean): string | undefined {
  try {
    const pattern = parsePattern(source)
    new RegExp(source)
    if (!probing || !backtracksCatastrophically(pattern)) return undefined
    return 'backtracks catastrophically: 2048 well chosen characters keep it busy for over a second; repeat fewer things that can match the same text'
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const index = (error as { index?: number }).index
    const where = index === undefined ? '' : ` at character ${index + 1}`
    return `not a regular expression${where}: ${error.message.replace(/^.*: /s, '')}`
  }
}

function hasLiteral(source: string): boolean {
  const literals = requiredLiterals(parsePattern(source))
  return literals.length > 0 && literals.every((literal) => literal.length >= minLiteralLength)
}
