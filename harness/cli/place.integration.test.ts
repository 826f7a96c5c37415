/** A run on a labgrid place: a board of the rig whose serial port and outlet a real exporter serves through a real coordinator. */
import { realpath } from 'node:fs/promises'
import test from 'ava'
import { ensureLabgridPrograms, startLabgrid } from '../../qemu/rig/labgrid.ts'
import { startRig } from '../../qemu/rig/rig.ts'
import { loadDescriptor } from '../board/descriptor.ts'
import { LabError } from '../errors.ts'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { findLabgridClient, LabgridClient } from '../power/labgrid-client.ts'
import { Workspace } from './command-fixture.ts'
import { rigBoard } from './lab/rig-board.ts'

const signal = new AbortController().signal
const name = `place-${process.pid}`

test('a run acquires its place, kexecs over its console and its outlet, and gives it back', async (t) => {
  await using place = new Workspace()
  await using resources = new AsyncDisposableStack()
  const watch = { progress: (text: string) => t.log(text), signal }
  let programs: Awaited<ReturnType<typeof ensureLabgridPrograms>>
  try {
    programs = await ensureLabgridPrograms(watch)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    t.log(`not run: ${error.message}`)
    return t.pass()
  }
  const onRig = await loadDescriptor(place.rigBoard('behind-labgrid'), '.')
  const rig = resources.use(await startRig([await rigBoard(onRig, watch)], watch))
  const { console, power } = rig.connection('behind-labgrid')
  const lab = resources.use(
    await startLabgrid(
      programs,
      [
        {
          name,
          tags: { board: 'virt' },
          resources: {
            RawSerialPort: { port: await realpath(String(console.path)), speed: 115_200 },
            PDUDaemonPort: {
              host: new URL(String(power.url)).host,
              pdu: String(power.hostname),
              index: Number(power.port),
            },
          },
        },
      ],
      signal,
    ),
  )
  const board = place.write(
    `${name}.yaml`,
    JSON.stringify({
      ...{ name, arch: 'arm64', place: { tags: { board: 'virt' } }, coordinator: lab.coordinator },
      stages: [{ type: 'shell', ready: 'HARNESS READY' }],
      loader: { type: 'kexec-tools', checks: false },
    }),
  )
  const args = ['test', '--board', board, '--suite', 'stress', '--iterations', '1', '--json']
  const command = place.start(args)
  const client = new LabgridClient(await findLabgridClient(lab.coordinator))
  const acquired = async () => (await client.run(['who'])).includes(name)
  await command.reaches('cycle-started')
  t.true(await acquired())
  const { status, stdout, stderr } = await command.ended
  t.is(status, 0, stderr)
  t.is(runSummarySchema.parse(JSON.parse(stdout)).totals.proven, 1)
  t.false(await acquired())
  t.false(rig.isOn('behind-labgrid'))
  await command.leavesNoProcess()
})
