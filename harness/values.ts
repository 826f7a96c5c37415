/** Values that descriptors are made of, whatever layer they belong to. Each can be parsed again: none is transformed. */
import { z } from 'zod'

/** Text that reaches a command line or a console as one argument or one line. */
export const oneLine = z
  .string()
  .min(1)
  .regex(/^[^\u0000-\u001f\u007f]*$/)
  .meta({ title: 'text on one line, without control characters' })

/** A host's name or address, as it stands in a URL's authority without its brackets. */
export const host = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._:%-]*$|^::[A-Fa-f0-9:.]*$/)
  .meta({ title: "a host's name or address", examples: ['rack1', '192.0.2.7'] })

/** A TCP or UDP port. */
export const port = z
  .number()
  .int()
  .min(1)
  .max(65_535)
  .meta({ title: 'a port', examples: [2001] })

/** An http or https URL without user and password: those are secrets of their own. */
export const httpUrl = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    const wrong = urlMistake(text)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })
  .meta({ title: 'an http or https URL', examples: ['http://localhost:16421'] })

function urlMistake(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'is no http or https URL'
  if (url.username !== '' || url.password !== '')
    return 'holds a user or password, which would end up in logs; use the keys user and password'
  return undefined
}

/** A program and its arguments, one an item. No shell reads them. */
export const command = z
  .array(oneLine)
  .min(1)
  .meta({ title: 'a program and its arguments, one an item', examples: [['relay', 'on', '3']] })
