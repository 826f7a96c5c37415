/** What a browser does on a PDU's web page, as a descriptor says it. */
import { z } from 'zod'
import { secretSource } from '../secret.ts'
import { oneLine } from '../values.ts'

/** How something on a page is found; exactly one of the first four, and `name` with `role`. */
const target = {
  role: z
    .enum([
      'button',
      'link',
      'checkbox',
      'radio',
      'switch',
      'textbox',
      'combobox',
      'menuitem',
      'tab',
      'cell',
      'row',
    ])
    .optional(),
  text: oneLine.optional().meta({ description: 'Its text, the whole of it.' }),
  label: oneLine.optional().meta({ description: 'The label of a field.' }),
  selector: oneLine.optional().meta({ description: 'A CSS selector.' }),
  name: oneLine.optional().meta({ description: 'What is written on it, with role.' }),
  frame: oneLine.optional().meta({ description: 'CSS selector of the frame that it is in.' }),
}
const targetSchema = z.strictObject(target)
export type Target = z.infer<typeof targetSchema>

function hasOneTarget(found: Target, context: z.RefinementCtx): void {
  const ways = (['role', 'text', 'label', 'selector'] as const).filter((way) => found[way] !== undefined)
  if (ways.length !== 1) {
    const message = 'needs one of role, text, label and selector, to find it by'
    context.addIssue({ code: 'custom', path: [], message })
  }
  if (found.name !== undefined && found.role === undefined)
    context.addIssue({ code: 'custom', path: ['name'], message: 'goes with role' })
}

const gotoStep = z
  .strictObject({
    do: z.literal('goto'),
    path: z
      .string()
      .max(2048)
      .regex(/^\/(?!\/)[^\s\\\u0000-\u001f]*$/)
      .meta({
        title: 'a path from the root of the host, with its query',
        examples: ['/outlets.htm'],
      }),
  })
  .meta({ description: 'Opens another page.' })

const fillStep = z
  .strictObject({
    do: z.literal('fill'),
    ...target,
    value: oneLine.optional(),
    secret: secretSource.optional(),
  })
  .superRefine((step, context) => {
    hasOneTarget(step, context)
    if ((step.value === undefined) === (step.secret === undefined))
      context.addIssue({ code: 'custom', path: [], message: 'needs either a value or a secret' })
  })
  .meta({ description: 'Writes into a field.' })

const clickStep = z
  .strictObject({
    do: z.literal('click'),
    ...target,
    accept: oneLine.optional().meta({
      description: 'The click opens a dialog (confirm, alert) that says this; it is accepted.',
    }),
  })
  .superRefine(hasOneTarget)
  .meta({ description: 'Clicks; a dialog that opens unasked is dismissed.' })

const selectStep = z
  .strictObject({ do: z.literal('select'), ...target, option: oneLine })
  .superRefine(hasOneTarget)
  .meta({ description: 'Picks an option of a list by what is written on it.' })

const expectStep = z
  .strictObject({ do: z.literal('expect'), ...target })
  .superRefine(hasOneTarget)
  .meta({ description: 'Waits until it can be seen.' })

const step = z.discriminatedUnion('do', [gotoStep, fillStep, clickStep, selectStep, expectStep])
export type Step = z.infer<typeof step>
export const steps = z.array(step).max(50)

/** Where a page shows the state of an outlet. */
export const stateOnPage = z
  .strictObject({
    steps: steps.default([]),
    ...target,
    attribute: oneLine.optional().meta({
      description: 'Read this attribute, not the text: src of a picture, class, value.',
    }),
    on: oneLine.meta({ description: 'Words that stand there while it is on, and not while it is off.' }),
    off: oneLine,
  })
  .superRefine(hasOneTarget)
export type StateOnPage = z.infer<typeof stateOnPage>

/** A step in words, without what it fills in. */
export function describeStep(step: Step): string {
  return step.do === 'goto' ? `goto ${step.path}` : `${step.do} ${describeTarget(step)}`
}

export function describeTarget({ role, name, text, label, selector }: Target): string {
  if (role !== undefined) return name === undefined ? role : `${role} "${name}"`
  return text === undefined ? (label === undefined ? (selector ?? '') : `field "${label}"`) : `"${text}"`
}
