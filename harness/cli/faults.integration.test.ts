/** The detectors, proven: each fault module is put into real kernels on both architectures, and must be found. */
import test, { type ExecutionContext } from 'ava'
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

async function runFault(
  t: ExecutionContext,
  fault: FaultName,
  args: string[] | ((place: Workspace) => string[]),
): Promise<RunSummary> {
  await using place = new Workspace()
  const { stdout, stderr } = await place.run([
    ...['test', '--json', '--fault', fault],
    ...(typeof args === 'function' ? args(place) : args),
  ])
  t.log(stderr)
  return runSummarySchema.parse(JSON.parse(stdout))
}

type Body = (t: ExecutionContext) => Promise<void>

/** Each takes up to some minutes: a hang is known by its limit. */
function testWithModules(title: string, body: Body): void {
  test.serial(title, async (t) => {
    t.timeout(600_000)
    const why = await whyUnavailable()
    if (why === undefined) return await body(t)
    t.log(`skipped: ${why}`)
    t.pass()
  })
}

for (const fault of faultNames)
  testWithModules(`${fault} is found on both architectures, with its device and driver`, async (t) => {
    const suite = fault === needsDigest ? ['--suite', 'shutdown'] : quick
    const summary = await runFault(t, fault, [...boards, ...suite])
    const row = faultRow(fault, summary)
    t.true(row.ok, row.cells.join(' | '))
    t.is(summary.exitStatus, row.expected.length === 0 ? 0 : 1)
  })

testWithModules('the driver behind a finding is named by unbinding others', async (t) => {
  const summary = await runFault(t, 'edu-d3cold', ['--board', 'qemu-x86_64', ...quick, '--bisect-drivers'])
  t.regex(
    summary.notes.map(({ text }) => text).join('\n'),
    /the driver behind dma-left-active is edu_d3cold \(0000:00:01\.0\), by \d kexecs/,
  )
  const [named] = summary.findings.slice(-1)
  t.like(named, { id: 'dma-left-active', driver: 'edu_d3cold', confidence: 'seen' })
})

/** The default boards behind an IOMMU: one way of executing is enough, and no digest. */
const behindIommu = {
  x86_64: {
    machine: { devices: ['intel-iommu,intremap=off'] },
    append: 'intel_iommu=on iommu.strict=1',
    canary: { address: '0x0e000000', reserve: 'memmap=128K$0x0e000000' },
  },
  arm64: {
    arch: 'arm64',
    image: 'bookworm-cloud-arm64',
    machine: { type: 'virt', cpu: 'cortex-a57', options: { 'gic-version': 2, iommu: 'smmuv3' } },
    append: 'iommu.passthrough=0 iommu.strict=1',
    canary: { address: '0x7f000000', reserve: 'mem=1008M' },
  },
}

for (const [arch, keys] of Object.entries(behindIommu))
  testWithModules(
    `${arch}: an IOMMU tells of a NIC that goes on receiving, by device and driver`,
    async (t) => {
      const summary = await runFault(t, 'e1000e-left-on', (place) => {
        const board = place.board(`iommu-${arch}`, {
          ...keys,
          loader: { type: 'kexec-tools', checks: false },
        })
        return ['--board', board, '--suite', 'shutdown']
      })
      const caught = summary.findings.find(
        ({ id, confidence }) => id === 'dma-after-bye' && confidence === 'seen',
      )
      t.regex(caught?.device ?? '', /^0000:00:\d\d\.0$/)
      t.is(caught?.driver, 'e1000e_left_on')
      t.regex(caught?.evidence.join('\n') ?? '', /DMAR: \[DMA|smmuv3: event 0x02/)
    },
  )
