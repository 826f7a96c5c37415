/** Simulated bootloaders for the tests of dialogues: they react to what is typed, also where bytes of it were lost. */
import type { Connect, ConnectionSink } from '../console/transport.ts'

export type SimulatedBootloader = {
  connect: Connect
  /** What it booted, in order. */
  booted: string[]
}

type Say = (text: string) => void
/** Takes one byte that was typed. */
type Take = (character: string) => void

function simulated(start: (say: Say, booted: string[]) => Take): SimulatedBootloader {
  const booted: string[] = []
  const connect: Connect = async (sink: ConnectionSink) => {
    const say = (text: string) =>
      sink.bytes(Buffer.from(text.replaceAll('\n', '\r\n')), process.hrtime.bigint())
    const take = start(say, booted)
    return {
      write: async (bytes) => {
        for (const character of bytes.toString('latin1')) take(character)
      },
      close: async () => {},
    }
  }
  return { connect, booted }
}

/** A prompt with a line editor: Ctrl-U, Enter, and `list`. What it boots it says, as fixtures/kboot-prompt does. */
export function simulatedPrompt(labels: readonly string[]): SimulatedBootloader {
  return simulated((say, booted) => {
    const list = () => say(`Labels:\n${labels.map((label) => `  ${label}\n`).join('')}`)
    let typed = ''
    list()
    say('Type a label and Enter. one is booted in 20 seconds.\nkboot: ')
    return (character) => {
      if (character === '\x15') {
        say('\b \b'.repeat(typed.length))
        typed = ''
      } else if (character !== '\r') {
        typed += character
        say(character)
      } else {
        say('\n')
        const line = typed
        typed = ''
        if (line === 'list') list()
        else if (labels.includes(line)) {
          booted.push(line)
          return say(`Starting ${line}\n`)
        } else if (line !== '') say(`kboot: ${line}: no such label\n`)
        say('kboot: ')
      }
    }
  })
}

/** A full-screen menu with numbers, and a cursor in reverse video that the arrow keys move; Ctrl-L draws it again. */
export function simulatedMenu(labels: readonly string[]): SimulatedBootloader {
  return simulated((say, booted) => {
    let at = 0
    let sequence = ''
    const draw = () => {
      const rows = labels.map((label, index) => {
        const row = `${index + 1}. ${label}`
        return `\x1b[${index + 3};3H${index === at ? `\x1b[7m${row}\x1b[0m` : row}`
      })
      say(`\x1b[2J\x1b[1;1HSimulated boot menu${rows.join('')}\x1b[20;1HBooting in 9 s`)
    }
    draw()
    return (character) => {
      sequence = character === '\x1b' || sequence !== '' ? sequence + character : ''
      if (sequence === '\x1b[A') at = Math.max(0, at - 1)
      else if (sequence === '\x1b[B') at = Math.min(labels.length - 1, at + 1)
      else if (sequence.length < 3 && sequence !== '') return
      sequence = ''
      if (character === '\r') {
        booted.push(labels[at]!)
        say('\x1b[2J\x1b[1;1HLoading\n')
      } else draw()
    }
  })
}
