/** What the journal keeps of errors, written by the classes that the suites use. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import type { Board } from '../../harness/board/board.ts'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import type { JournalEvent } from '../../harness/journal/events.ts'
import { readJournal } from '../../harness/journal/journal.ts'
import { UnsupportedMethod } from '../../harness/kexec/cycle-errors.ts'
import type { KexecSession } from '../../harness/kexec/session.ts'
import type { LoadMethod } from '../../harness/loader/loader.ts'
import { BoardUnderTest } from './board-under-test.ts'
import { Recording, toFailure } from './recording.ts'
import { Skip } from './skip.ts'

const method: LoadMethod = { syscall: 'kexec_file_load', checks: true, ifdown: true }

/** Runs a test's cycle whose session throws, and reads what the journal has of it. */
async function recorded(thrown: Error): Promise<{ error: unknown; events: JournalEvent[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'recording-test-'))
  try {
    const journal = path.join(folder, 'journal.jsonl')
    using recording = new Recording(journal, 'board', new AbortController())
    const descriptor = { name: 'board', allow: [] } as unknown as Descriptor
    const parts = {
      suite: 'stress',
      descriptor,
      recording,
      journal,
      loader: 'pxe-kexec',
      bisectDrivers: false,
    }
    const board = new BoardUnderTest(parts)
    const simulatedSession = {
      generation: 0,
      ensureRunning: async () => ({}),
      cycle: async () => {
        throw thrown
      },
    }
    await board.attach(simulatedSession as unknown as KexecSession, {} as Board)
    board.startTest('a test')
    const error = await board.kexec(method).catch((reason: unknown) => reason)
    return { error, events: await Array.fromAsync(readJournal(journal)) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a way of loading that the loader or the kernel lacks is a skip, in words and without a stack', async (t) => {
  const why = 'pxe-kexec leaves the system call to kexec-tools: it knows no kexec_file_load'
  const { error, events } = await recorded(new UnsupportedMethod(why))
  t.true(error instanceof Skip)
  t.is((error as Error).message, why)
  const [ended] = events.filter(({ type }) => type === 'cycle-ended')
  t.like(ended, { verdict: 'skipped', proven: false })
  t.deepEqual((ended as { failure?: unknown }).failure, { kind: 'usage', message: why })
})

test('a bug of our own keeps its stack', async (t) => {
  const bug = new TypeError('x is not a function')
  const { error, events } = await recorded(bug)
  t.is(error, bug)
  const [ended] = events.filter(({ type }) => type === 'cycle-ended')
  t.like(ended, { verdict: 'error', failure: { kind: 'internal', message: 'x is not a function' } })
  t.truthy(toFailure(bug).stack)
})
