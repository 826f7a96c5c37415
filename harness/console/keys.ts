/** Keys by name, as a VT220-like terminal sends them (console_codes(4); ECMA-48 for the cursor keys). */
const sequences = {
  Enter: '\r',
  Escape: '\x1b',
  Tab: '\t',
  Backspace: '\x7f',
  Delete: '\x1b[3~',
  Up: '\x1b[A',
  Down: '\x1b[B',
  Right: '\x1b[C',
  Left: '\x1b[D',
  Home: '\x1b[1~',
  End: '\x1b[4~',
  PageUp: '\x1b[5~',
  PageDown: '\x1b[6~',
  Space: ' ',
  'Ctrl-A': '\x01',
  'Ctrl-C': '\x03',
  'Ctrl-D': '\x04',
  'Ctrl-E': '\x05',
  'Ctrl-K': '\x0b',
  'Ctrl-L': '\x0c',
  'Ctrl-U': '\x15',
} as const

export type KeyName = keyof typeof sequences
export const keyNames = Object.keys(sequences) as KeyName[]

/** What a terminal sends for a key. */
export function keySequence(name: KeyName): string {
  return sequences[name]
}
