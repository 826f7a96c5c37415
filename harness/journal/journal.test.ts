/** The journal keeps every whole line, whoever was cut short. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { LabError } from '../errors.ts'
import type { JournalEvent } from './events.ts'
import { JournalWriter, readJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'kexec-harness-journal-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

async function read(file: string): Promise<{ events: JournalEvent[]; skipped: string[] }> {
  const skipped: string[] = []
  const events: JournalEvent[] = []
  for await (const event of readJournal(file, (line) => skipped.push(line))) events.push(event)
  return { events, skipped }
}

const note = (text: string) => ({ type: 'note', board: null, text }) as const

test('a line that another process was killed in is the only one that is lost', async (t) => {
  const file = join(folder, 'torn.jsonl')
  using mine = new JournalWriter(file)
  using other = new JournalWriter(file)
  mine.add(note('first'))
  appendFileSync(file, '{"type":"note","text":"cut sh')
  other.add(note('second'))
  mine.add(note('third'))
  const { events, skipped } = await read(file)
  t.deepEqual(
    events.map((event) => event.type === 'note' && event.text),
    ['first', 'second', 'third'],
  )
  t.deepEqual(skipped, ['{"type":"note","text":"cut sh'])
})

test('two writers of one journal do not mix their lines', async (t) => {
  const file = join(folder, 'shared.jsonl')
  using one = new JournalWriter(file)
  using two = new JournalWriter(file)
  for (let index = 0; index < 100; index++) {
    one.add(note('x'.repeat(index * 100)))
    two.add(note(`line\nbreak ${index}`))
  }
  const { events, skipped } = await read(file)
  t.is(events.length, 200)
  t.deepEqual(skipped, [])
  t.is(readFileSync(file, 'utf8').split('\n').length, 201)
})

test('garbage, empty lines and events of a newer harness are passed over and counted', async (t) => {
  const file = join(folder, 'garbage.jsonl')
  using journal = new JournalWriter(file)
  journal.add(note('before'))
  appendFileSync(file, '\n\u0000\u0001\n{"type":"of the future"}\n[]\nnull\n"note"\n')
  appendFileSync(file, Buffer.from([0xff, 0xfe, 0x0a]))
  journal.add(note('after'))
  const { events, skipped } = await read(file)
  t.is(events.length, 2)
  t.is(skipped.length, 6)
})

test('a disk that is full is told as the lab’s fault, with what to do', (t) => {
  using journal = new JournalWriter('/dev/full')
  const error = t.throws(() => journal.add(note('lost')), { instanceOf: LabError })
  t.is(error?.message, 'the disk is full: cannot append to /dev/full')
  t.regex(error?.hint ?? '', /Free some space/)
})
