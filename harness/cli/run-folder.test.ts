/** Each run has a folder of its own, whoever else starts a run at the same moment. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { Workspace } from './command-fixture.ts'
import { createRunFolder } from './run-folder.ts'

test('runs of the same second get different folders, and latest is the newest', async (t) => {
  await using place = new Workspace()
  const folders = Array.from({ length: 20 }, () => createRunFolder(place.results, ['juno', 'rock']))
  t.is(new Set(folders).size, 20)
  t.true(folders.every((folder) => lstatSync(join(folder, 'console')).isDirectory()))
  t.is(readlinkSync(join(place.results, 'latest')), basename(folders.at(-1)!))
})

test('processes that start together get different folders, and latest points to one of them', async (t) => {
  await using place = new Workspace()
  const module = JSON.stringify(new URL('run-folder.ts', import.meta.url).href)
  const script = `
    const { createRunFolder } = await import(${module})
    for (let run = 0; run < 50; run++) console.log(createRunFolder(process.argv[1], ['juno']))`
  const runs = await Promise.all(
    [1, 2, 3, 4].map(() => execa(process.execPath, ['--input-type=module', '--eval', script, place.results])),
  )
  const folders = runs.flatMap(({ stdout }) => stdout.split('\n'))
  t.is(new Set(folders).size, 200)
  t.deepEqual(
    runs.map(({ stderr }) => stderr),
    ['', '', '', ''],
  )
  t.true(folders.includes(join(place.results, readlinkSync(join(place.results, 'latest')))))
  t.deepEqual(
    readdirSync(place.results).filter((name) => name.startsWith('.')),
    [],
  )
})

test('a file or folder of the user’s own named latest is left alone or replaced, and the run goes on', async (t) => {
  await using place = new Workspace()
  mkdirSync(join(place.results, 'latest'), { recursive: true })
  writeFileSync(join(place.results, 'latest', 'mine'), 'mine')
  t.true(lstatSync(createRunFolder(place.results, ['juno'])).isDirectory())
  t.is(readFileSync(join(place.results, 'latest', 'mine'), 'utf8'), 'mine')
})
