/** The machine-readable summary: run.json, and what `--json` prints. */
import type { RunSummary } from '../journal/summary-schema.ts'

// JSON.stringify escapes C0 controls and lone surrogates only; a terminal also acts on DEL, C1 and bidi controls.
const active = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** A summary as JSON text with a newline at its end, safe to print to a terminal. */
export function runJson(summary: RunSummary): string {
  const json = JSON.stringify(summary, null, 2)
  return `${json.replace(active, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}
