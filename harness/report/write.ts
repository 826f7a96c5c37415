/** Writes the reports of a run into its folder. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { LabError } from '../errors.ts'
import type { JournalEvent } from '../journal/events.ts'
import { buildSummary } from '../journal/summary.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { reportHtml } from './html.ts'
import { runJson } from './json.ts'
import { type JunitOptions, junitXml } from './junit.ts'
import { ScreenPainter } from './screen-png.ts'

type ReportKind = 'json' | 'junit' | 'html'

export type WrittenReports = {
  summary: RunSummary
  /** Absolute paths of the reports that were written. */
  files: Partial<Record<ReportKind, string>>
  /** Why the others were not: LabErrors for what the disk refused. */
  errors: Error[]
}

/**
 * Writes run.json, junit.xml, report.html and screens/ from a run's events. Each file appears whole or not at all, and one that can't
 * be written does not keep the others from being. Throws nothing for a report that failed: see `errors`.
 */
export async function writeReports(
  runDir: string,
  events: Iterable<JournalEvent> | AsyncIterable<JournalEvent>,
  options: JunitOptions = {},
): Promise<WrittenReports> {
  const folder = resolve(runDir)
  const collected: JournalEvent[] = []
  for await (const event of events) collected.push(event)
  const summary = buildSummary(collected, { run: basename(folder) })
  const reports: [ReportKind, string, () => string][] = [
    ['json', 'run.json', () => runJson(summary)],
    ['junit', 'junit.xml', () => junitXml(summary, options)],
    ['html', 'report.html', () => reportHtml(summary)],
  ]
  const result: WrittenReports = { summary, files: {}, errors: [] }
  for (const [kind, name, make] of reports) {
    const file = join(folder, name)
    try {
      await writeWhole(file, make())
      result.files[kind] = file
    } catch (error) {
      result.errors.push(error instanceof Error ? error : new Error(String(error)))
    }
  }
  result.errors.push(...(await writeScreens(folder, summary)))
  return result
}

/** Writes the screens' pictures beside the reports that name them. Returns why some could not be written. */
async function writeScreens(folder: string, summary: RunSummary): Promise<Error[]> {
  const screens = summary.boards.flatMap(({ tests }) => tests.flatMap((test) => test.screens))
  if (screens.length === 0) return []
  const painter = new ScreenPainter()
  try {
    await mkdir(join(folder, 'screens'), { recursive: true })
    for (const { file, snapshot } of screens) await writeWhole(join(folder, file), painter.png(snapshot))
    return []
  } catch (error) {
    return [error instanceof LabError ? error : cannotWrite(join(folder, 'screens'), error)]
  }
}

async function writeWhole(file: string, content: string | Buffer): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await using handle = await open(temporary, 'w')
    await handle.writeFile(content)
    await handle.sync()
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw cannotWrite(file, error)
  }
  try {
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw cannotWrite(file, error)
  }
}

function cannotWrite(file: string, error: unknown): LabError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new LabError(`the disk is full: cannot write ${file}`, {
      hint: 'Free some space and run `npm run report -- RUN` again: what the journal has is kept.',
      cause: error,
    })
  return new LabError(`cannot write ${file}: ${message}`, {
    hint: 'Make the folder writable and run `npm run report -- RUN` again: what the journal has is kept.',
    cause: error,
  })
}
