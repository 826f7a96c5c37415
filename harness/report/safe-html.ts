/** HTML that can't be injected into: a template tag that escapes every value that is not HTML already. */
import { visible } from './escape.ts'

export class SafeHtml {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

type Value = SafeHtml | string | number | null | undefined | readonly Value[]

/** Text in, safe markup out; null and undefined are nothing, lists are joined. At most 64 Ki characters a value. Quote every attribute. */
export function html(strings: TemplateStringsArray, ...values: Value[]): SafeHtml {
  return new SafeHtml(strings.reduce((markup, part, index) => markup + markupOf(values[index - 1]) + part))
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function markupOf(value: Value): string {
  if (value === null || value === undefined) return ''
  if (value instanceof SafeHtml) return value.markup
  if (typeof value === 'object') return value.map(markupOf).join('')
  return visible(String(value), { maxLength: 65_536 }).replace(
    /[&<>"']/g,
    (character) => entities[character]!,
  )
}
