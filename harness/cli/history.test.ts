import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { historyFile } from '../history/file.ts'
import { runOf } from '../history/runs-fixture.ts'
import { withHistory } from '../history/store.ts'
import { Workspace } from './command-fixture.ts'
import { keepInHistory } from './history.ts'

test('a run ends well whatever became of the history', async (t) => {
  await using place = new Workspace()
  mkdirSync(historyFile(place.results), { recursive: true })
  await t.notThrowsAsync(keepInHistory(place.results, runOf('2026-11-21T02-00-00Z-juno', [124])))
})

test('a run is kept although the history was broken', async (t) => {
  await using place = new Workspace()
  mkdirSync(place.results)
  writeFileSync(historyFile(place.results), 'garbage\n'.repeat(500))
  await keepInHistory(place.results, runOf('2026-11-21T02-00-00Z-juno', [124]))
  await withHistory(place.results, t.log, (history) => t.is(history.names().size, 1))
  t.true(readdirSync(place.results).some((name) => name.startsWith('history.sqlite.broken-')))
})

test('a report of a run that was copied elsewhere leaves no history there', async (t) => {
  await using place = new Workspace()
  const folder = place.path('2026-11-21T02-00-00Z-juno')
  mkdirSync(folder)
  writeFileSync(`${folder}/journal.jsonl`, '{"type":"note","t":1,"board":null,"text":"x"}\n')
  await place.run(['report', folder])
  t.true(existsSync(`${folder}/run.json`))
  t.false(existsSync(historyFile(place.folder)))
})
