import { z } from 'zod'

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const form =
  /^(?=\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/
/** Timers of Node can't wait longer than 24.8 days; nothing here should come near. */
const longestMs = 7 * 24 * unitsMs.h

/**
 * Milliseconds of a duration as people write it: `500ms`, `5s`, `3m`, `1h30m`, or a plain number of seconds.
 * Undefined when it is none, is not above zero, or is longer than a week.
 */
export function durationMs(written: string | number): number | undefined {
  const ms = typeof written === 'number' ? written * 1000 : unitSumMs(written)
  return ms !== undefined && ms > 0 && ms <= longestMs ? ms : undefined
}

function unitSumMs(written: string): number | undefined {
  const match = form.exec(written)
  if (match === null) return undefined
  const [, hours, minutes, seconds, milliseconds] = match.map(Number)
  return (
    (hours || 0) * unitsMs.h + (minutes || 0) * unitsMs.m + (seconds || 0) * unitsMs.s + (milliseconds || 0)
  )
}

/** A duration in YAML, parsed to milliseconds. */
export const duration = z
  .union([z.number(), z.string().regex(form)])
  .meta({ title: 'a duration', examples: ['500ms', '5s', '1h30m'] })
  .transform((written, context) => {
    const ms = durationMs(written)
    if (ms !== undefined) return ms
    context.addIssue({ code: 'custom', message: 'a duration is above zero and at most a week' })
    return z.NEVER
  })

/**
 * A duration in YAML that stays as it was written, so that what is parsed can be parsed again, as a journal's
 * descriptor is; whoever waits asks `durationMs`.
 */
export const durationText = z
  .union([z.number(), z.string().regex(form)])
  .meta({ title: 'a duration', examples: ['500ms', '5s', '1h30m'] })
  .refine((written) => durationMs(written) !== undefined, {
    error: 'a duration is above zero and at most a week',
  })

/** Milliseconds of a duration that a schema has checked. */
export function checkedMs(written: z.infer<typeof durationText>): number {
  return durationMs(written)!
}
