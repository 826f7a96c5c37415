/** The detectors, proven: each fault module is put into real kernels on both architectures, and must be found. */
import test from 'ava'
import { type FaultName, FaultUnavailable, faultNames, prepareFault } from '../../images/faults.ts'
import { resolveImage } from '../../images/image.ts'
import { type RunSummary, runSummarySchema } from '../journal/summary-schema.ts'
import { Workspace } from './command-fixture.ts'
import { faultRow } from './matrix/faults.ts'

const boards = ['--board', 'qemu-x86_64', '--board', 'qemu-aarch64']
/** One cycle without purgatory's digest: the digest takes longest, and only one fault needs it. */
const quick = ['--suite', 'stress', '--iterations', '1']
const needsDigest: FaultName = 'segment-overwrite'

/** Why this host can't build the modules; undefined where it can. */
async function whyUnavailable(): Promise<string | undefined> {
  try {
    for (const recipe of ['bookworm-cloud-amd64', 'bookworm-cloud-arm64'])
      await prepareFault(needsDigest, { image: await resolveImage(recipe) })
    return undefined
  } catch (error) {
    if (error instanceof FaultUnavailable) return error.message
    throw error
  }
}

async function runFault(t: { log(text: string): void }, fault: FaultName): Promise<RunSummary> {
  await using place = new Workspace()
  const suite = fault === needsDigest ? ['--suite', 'shutdown'] : quick
  const { stdout, stderr } = await place.run([
    ...['test', ...boards, ...suite, '--json'],
    ...['--fault', fault],
  ])
  t.log(stderr)
  return runSummarySchema.parse(JSON.parse(stdout))
}

for (const fault of faultNames)
  test.serial(`${fault} is found on both architectures, with its device and driver`, async (t) => {
    t.timeout(600_000)
    const why = await whyUnavailable()
    if (why !== undefined) {
      t.log(`skipped: ${why}`)
      t.pass()
      return
    }
    const summary = await runFault(t, fault)
    const row = faultRow(fault, summary)
    t.true(row.ok, row.cells.join(' | '))
    t.is(summary.exitStatus, row.expected.length === 0 ? 0 : 1)
  })
