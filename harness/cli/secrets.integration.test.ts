/** A password that a run types into a board is in nothing that it leaves behind, and in no list of processes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { loadDescriptor } from '../board/descriptor.ts'
import { firmwareStages } from '../board/stage/shell.ts'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { Workspace } from './command-fixture.ts'
import { boardsDir } from './paths.ts'

const password = 'open-Sesame-77'
const env = { NIGHT_PASSWORD: password }

test('a run logs in through U-Boot and after each kexec, and its secrets stay secret', async (t) => {
  await using place = new Workspace()
  const board = place.rigBoard(`secret-${process.pid}`, {
    console: 'telnet',
    power: 'ipmi',
    rig: { firmware: 'u-boot', password: { env: 'NIGHT_PASSWORD' } },
    stages: [
      ...firmwareStages(await loadDescriptor('rig-juno', boardsDir)),
      { type: 'login', password: { env: 'NIGHT_PASSWORD' } },
      { type: 'shell', setup: ['mkdir -p /mnt', 'mount -o ro LABEL=board /mnt'] },
    ],
    image: {
      recipe: 'bookworm-cloud-arm64',
      kernel: '/mnt/main/vmlinuz',
      initramfs: '/mnt/main/initrd.img',
    },
  })
  const args = ['test', '--board', board, '--suite', 'stress', '--iterations', '1', '--json']
  const command = place.start(args, { env })
  let isOver = false
  const seen: string[] = []
  const watching = (async () => {
    while (!isOver) {
      for (const one of command.processes()) if (one.args.includes(password)) seen.push(one.args)
      await sleep(50)
    }
  })()
  const { status, stdout, stderr } = await command.ended
  isOver = true
  await watching
  t.is(status, 0, stderr)
  const summary = runSummarySchema.parse(JSON.parse(stdout))
  t.is(summary.totals.proven, 1)
  t.deepEqual(seen, [])
  t.false(stdout.includes(password) || stderr.includes(password))
  const files = readdirSync(command.runFolder()!, { recursive: true, withFileTypes: true })
  const named = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
  t.true(named.some((name) => name.endsWith('.raw')))
  for (const name of named) t.false(readFileSync(name, 'latin1').includes(password), name)
})
