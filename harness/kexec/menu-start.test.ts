import test from 'ava'
import type { Board } from '../board/board.ts'
import { Console } from '../console/console.ts'
import { Screen } from '../console/screen.ts'
import type { BootWatch, Choice, MenuLoader } from '../loader/menu-loader.ts'
import { CycleFailed } from './cycle-errors.ts'
import { proveByFacts } from './cycle-proof.ts'
import { menuStart } from './menu-start.ts'

const entries = [
  { label: 'Main Linux A', nonce: 'aaaaaa', isDefault: true },
  { label: 'Main Linux B', nonce: 'bbbbbb', isDefault: false },
]

/** A bootloader that does what it is given to do, and then waits for the new kernel. */
function started(choice: Choice, boot: (watch: BootWatch) => void) {
  const console = new Console({ write: async () => {} })
  const screen = new Screen(console)
  const loader = {
    name: 'petitboot',
    boot: async (_: unknown, __: Choice, watch: BootWatch) => {
      boot(watch)
      return { message: 'over', usable: true }
    },
  } as Partial<MenuLoader> as MenuLoader
  const board = { descriptor: { limits: { loadMs: 1, shutdownMs: 1 } } } as Board
  return menuStart(choice, { board, loader, ui: { console, screen }, entries, onRefusal: () => {} })
}

const signal = new AbortController().signal

async function proof(choice: Choice, boot: (watch: BootWatch) => void, nonce: string) {
  const start = started(choice, boot)
  await start.execute({ signal, timeoutMs: 1, mark: () => {} })
  const after = { bootId: 'ffffffff-ffff-4fff-bfff-ffffffffffff', release: '6.1', nonce, memAvailableKiB: 1 }
  return await proveByFacts(start, after, signal).catch((error: unknown) => error)
}

test('what a countdown boots before anybody chose is a wrong entry, also where it is the wanted one', async (t) => {
  for (const [label, nonce] of [
    ['Main Linux B', 'aaaaaa'],
    ['Main Linux A', 'aaaaaa'],
  ] as const) {
    const error = await proof({ by: 'label', label }, () => {}, nonce)
    if (!(error instanceof CycleFailed)) return t.fail(String(error))
    t.is(error.kind, 'wrong-entry')
    t.is(
      error.message,
      `petitboot booted by itself before ${JSON.stringify(label)} was chosen: its countdown ended, since keys were lost or came too late`,
    )
    t.is(error.facts.includes('another entry was booted: "Main Linux A"'), label === 'Main Linux B')
  }
})

test('what was chosen is proven by its nonce, and another entry is not', async (t) => {
  const chosen = (watch: BootWatch) => watch.chosen(1n)
  t.is(await proof({ by: 'label', label: 'Main Linux B' }, chosen, 'bbbbbb'), undefined)
  t.like(await proof({ by: 'label', label: 'Main Linux B' }, chosen, 'aaaaaa'), {
    kind: 'wrong-entry',
    message: 'another entry was booted: "Main Linux A"',
  })
  t.is(await proof({ by: 'time-out' }, () => {}, 'aaaaaa'), undefined)
})
