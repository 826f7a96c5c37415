/** One run: prepares the boards, runs the suites on all of them at once, and writes the reports. */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { exitStatus, LabError } from '../errors.ts'
import type { JournalEvent, NewEvent, Plan } from '../journal/events.ts'
import { JournalWriter, readJournal } from '../journal/journal.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { terminalOptions, terminalReport } from '../report/table.ts'
import { writeReports } from '../report/write.ts'
import { followJournal } from './follow.ts'
import { liveView } from './live.ts'
import { prepareBoards } from './prepare.ts'
import { printProgress } from './progress.ts'
import type { RunOptions } from './run-options.ts'
import { runSuites } from './runner.ts'

export type RunEnd = { summary: RunSummary; status: number; folder: string }

/** Runs and reports. Throws UsageError or LabError when it could not even begin. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<RunEnd> {
  const boards = await prepareBoards(options, printProgress, signal)
  signal.throwIfAborted()
  const folder = createRunFolder(options, boards)
  const journal = join(folder, 'journal.jsonl')
  const bound =
    options.timeoutMs === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
  {
    using writer = new JournalWriter(journal)
    writer.add(runStarted(folder, options, boards))
    await execute({ folder, journal, options, boards, writer, signal: bound })
    await recordEnd(writer, journal, {
      interrupted: signal.aborted,
      timeoutMs: bound.aborted && !signal.aborted ? options.timeoutMs : null,
    })
  }
  return await finish(folder, options)
}

/** Writes the reports from the journal and prints what a person needs of them. */
export async function finish(
  folder: string,
  { json = false, bisect = false }: { json?: boolean; bisect?: boolean } = {},
): Promise<RunEnd> {
  let skipped = 0
  const written = await writeReports(
    folder,
    readJournal(join(folder, 'journal.jsonl'), () => skipped++),
  )
  if (skipped > 0)
    console.error(`note: ${skipped} lines of the journal could not be read and were passed over`)
  const { summary } = written
  if (json) console.log(JSON.stringify(summary))
  else
    console.log(
      terminalReport(summary, {
        ...terminalOptions(process.stdout, process.env),
        report: written.files.html,
      }),
    )
  if (written.errors.length > 0) throw written.errors[0]
  const status = summary.exitStatus
  return { summary, status: bisect && status === exitStatus.lab ? 125 : status, folder }
}

type Execution = {
  folder: string
  journal: string
  options: RunOptions
  boards: Plan['boards']
  writer: JournalWriter
  signal: AbortSignal
}

async function execute({ folder, journal, options, boards, writer, signal }: Execution): Promise<void> {
  const all = Promise.all(
    boards.map(async ({ name }) => {
      const end = await runSuites(folder, name, options.suites, signal)
      writer.add({ type: 'runner-ended', ...end })
    }),
  )
  using view = liveView()
  await followJournal(journal, (event) => view.event(event), all)
  await all
}

/** The run's own verdict is the summary's, so that there is one rule for it. */
async function recordEnd(
  writer: JournalWriter,
  journal: string,
  { interrupted, timeoutMs }: { interrupted: boolean; timeoutMs: number | null },
): Promise<void> {
  const { buildSummary } = await import('../journal/summary.ts')
  const events: JournalEvent[] = []
  for await (const event of readJournal(journal)) events.push(event)
  const failure =
    timeoutMs === null
      ? undefined
      : ({
          kind: 'lab',
          message: `the run did not end within its --timeout of ${timeoutMs / 1000} s`,
        } as const)
  const last = {
    type: 'run-ended',
    verdict: interrupted ? 'interrupted' : 'passed',
    exitStatus: 0,
    failure,
  } as const
  const { verdict, exitStatus: status } = buildSummary([
    ...events,
    { ...last, t: Number(process.hrtime.bigint()) },
  ])
  writer.add({ type: 'run-ended', verdict, exitStatus: status, failure })
}

function createRunFolder({ results }: RunOptions, boards: Plan['boards']): string {
  const stamp = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  const name = `${stamp}-${boards.map((board) => board.name).join('+')}`.slice(0, 150)
  try {
    mkdirSync(results, { recursive: true })
    for (let attempt = 1; ; attempt++) {
      const folder = join(results, attempt === 1 ? name : `${name}-${attempt}`)
      if (mkdirSync(join(folder, 'console'), { recursive: true }) !== folder && attempt < 100) {
        // mkdir answers with the first folder it made: another run of this second has this one already.
        continue
      }
      pointLatest(results, basename(folder))
      return folder
    }
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'the disk is full' : (cause as Error).message
    throw new LabError(`cannot make a folder for the run in ${results}: ${why}`, {
      hint: 'Choose another folder with --results DIR.',
      cause,
    })
  }
}

function pointLatest(results: string, name: string): void {
  const link = join(results, 'latest')
  rmSync(link, { force: true })
  symlinkSync(name, link)
}

function runStarted(folder: string, options: RunOptions, boards: Plan['boards']): NewEvent {
  return {
    type: 'run-started',
    schemaVersion: 1,
    run: basename(folder),
    startedAt: new Date().toISOString(),
    command: process.argv.slice(2).join(' '),
    host: { node: process.version, cpus: cpus().length, harness: '0.1.0' },
    plan: {
      results: folder,
      suites: options.suites,
      iterations: options.iterations,
      timeoutMs: options.timeoutMs,
      boards,
    },
  }
}
