import test from 'ava'
import { Console } from './console.ts'
import { Screen } from './screen.ts'
import { snapshot, snapshotText } from './snapshot.ts'

async function screenOf(said: string, secrets: string[] = []): Promise<Screen> {
  const console = new Console({ write: async () => {} }, undefined, { secrets })
  const screen = new Screen(console)
  console.feed(Buffer.from(said), 1n)
  await screen.caughtUp()
  return screen
}

test('a snapshot is what its schema says, and its text what a person would copy', async (t) => {
  using screen = await screenOf(
    '\x1b[2J\x1b[H\x1b[1;7;38;5;200;48;2;1;2;3mmenu\x1b[0m\x1b[3;4H漢字 e\u0301   ',
  )
  const taken = screen.snapshot()
  t.deepEqual(snapshot.parse(JSON.parse(JSON.stringify(taken))), taken)
  t.is(snapshotText(taken), 'menu\n\n   漢字 e\u0301')
  t.like(taken.rows[0]!.spans[0], {
    text: 'menu',
    inverse: true,
    bold: true,
    foreground: 200,
    background: '#010203',
  })
})

test('a secret is not on it, whatever its looks, and where it goes on in the next row', async (t) => {
  const said = `\x1b[2J\x1b[Hpassword: hun\x1b[7mter2\x1b[0m!\x1b[2;77Hhunter2`
  using screen = await screenOf(said, ['hunter2'])
  t.is(screen.text, `password: *******!\n${' '.repeat(76)}****\n***`)
  t.is(screen.snapshot().rows[0]!.spans[1]!.text, '****')
  // What reads a menu reads what is there.
  t.true(screen.view.text.includes('hunter2!'))
})
