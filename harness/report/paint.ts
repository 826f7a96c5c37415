/** Colour for terminal text, or none. */
import { styleText } from 'node:util'
import type { Verdict } from '../journal/events.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta'
export type Paint = (style: Style, text: string) => string

/** Paints where `colour` is true; the caller has judged the stream. */
export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text)
}

export const verdictStyles: Record<Verdict, Style> = {
  passed: 'green',
  failed: 'red',
  error: 'magenta',
  interrupted: 'yellow',
  skipped: 'dim',
}
