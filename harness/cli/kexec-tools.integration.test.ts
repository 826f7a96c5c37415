/** Every option of kexec-tools and a crash with a capture kernel, on real kernels, as a user runs them. */
import test, { type ExecutionContext } from 'ava'
import { type RunSummary, runSummarySchema } from '../journal/summary-schema.ts'
import { Workspace } from './command-fixture.ts'

/** Room for a machine that is shared: nothing here is about how long something takes. */
const limits = { boot: '8m', load: '5m', shutdown: '5m', gap: '5m', startup: '8m' }
const unchecked = { type: 'kexec-tools', checks: false }

const boards = {
  x86_64: {
    image: 'bookworm-amd64',
    machine: { disks: ['nvme'], nics: ['virtio-net-pci'] },
    loader: unchecked,
  },
  arm64: {
    arch: 'arm64',
    image: 'bookworm-cloud-arm64',
    machine: { type: 'virt', cpu: 'cortex-a57', options: { 'gic-version': 2 } },
    loader: unchecked,
  },
}

type Tests = RunSummary['boards'][number]['tests']

async function runSuite(
  t: ExecutionContext,
  suite: string,
  arch: keyof typeof boards,
  extra: string[] = [],
): Promise<RunSummary> {
  t.timeout(1_800_000)
  await using place = new Workspace()
  const board = place.board(`${suite}-${arch}`, { ...boards[arch], limits })
  const { stdout, stderr } = await place.run([
    ...['test', '--json', '--board', board, '--suite', suite, '--iterations', '1'],
    ...extra,
  ])
  t.log(stderr)
  return runSummarySchema.parse(JSON.parse(stdout))
}

/** Titles with why they were skipped; fails for each test that neither passed nor was skipped. */
function skipped(t: ExecutionContext, tests: Tests): string[] {
  for (const one of tests)
    t.true(
      ['passed', 'skipped'].includes(one.verdict),
      `${one.test}: ${one.verdict}: ${one.failure?.message ?? one.reason}`,
    )
  return tests
    .filter(({ verdict }) => verdict === 'skipped')
    .map(({ test: title, reason }) => `${title}: ${reason}`)
    .sort()
}

test.serial('x86_64: every option of kexec-tools takes effect', async (t) => {
  const summary = await runSuite(t, 'kexec-tools', 'x86_64')
  t.is(summary.exitStatus, 0)
  const { tests } = summary.boards[0]!
  t.deepEqual(skipped(t, tests), [
    "--dtb gives the new kernel that very device tree: x86's kexec-tools has no --dtb",
  ])
})

test.serial('arm64: every option of kexec-tools takes effect', async (t) => {
  const summary = await runSuite(t, 'kexec-tools', 'arm64')
  t.is(summary.exitStatus, 0)
  const [filed, ...others] = skipped(t, summary.boards[0]!.tests)
  t.regex(filed ?? '', /^kexec -s .*: the running kernel 6\.1\.\S+ has no kexec_file_load$/)
  t.deepEqual(others, [])
})

for (const arch of ['x86_64', 'arm64'] as const)
  test.serial(
    `${arch}: a crash reaches the capture kernel, and its gap is timed from the panic`,
    async (t) => {
      const summary = await runSuite(t, 'kdump', arch)
      t.is(summary.exitStatus, 0)
      const { tests, cycles } = summary.boards[0]!
      const missing = skipped(t, tests)
      t.is(missing.length, arch === 'arm64' ? 1 : 0, missing.join())
      const [crash] = cycles.filter(
        ({ syscall, verdict }) => syscall === 'kexec_load' && verdict === 'passed',
      )
      t.like(crash, { loader: 'kdump', proven: true })
      t.regex(crash?.gap?.lastLine ?? '', /Kernel panic - not syncing: sysrq triggered crash/)
      t.true(crash!.phases.gapMs! > 0)
      if (arch === 'arm64') return
      // The disk is read without end when the crash comes, and nobody tells it to stop.
      const left = summary.findings.filter(({ id, driver }) => id === 'dma-left-active' && driver === 'nvme')
      t.true(left.length > 0, JSON.stringify(summary.findings))
      for (const { severity } of left) t.is(severity, 'info')
    },
  )
