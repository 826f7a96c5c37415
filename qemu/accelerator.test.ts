import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { LabError } from '../harness/errors.ts'
import { chooseAccelerator, runProbe } from './accelerator.ts'

const x86 = { path: 'qemu-system-x86_64' }
const arm64 = { path: 'qemu-system-aarch64' }
const [same, other] =
  process.arch === 'x64'
    ? ([
        { program: x86, arch: 'x86_64' },
        { program: arm64, arch: 'arm64' },
      ] as const)
    : ([
        { program: arm64, arch: 'arm64' },
        { program: x86, arch: 'x86_64' },
      ] as const)

const cacheDir = await mkdtemp(join(tmpdir(), 'accelerator-test-'))
test.after.always(() => rm(cacheDir, { recursive: true, force: true }))
const limitMs = 60_000
const tcg = ['-accel', 'tcg', '-cpu', 'max']

test('the x86_64 probe guest runs to its end under TCG', async (t) => {
  t.is(await runProbe(x86, 'x86_64', tcg, limitMs), null)
})

test('the arm64 probe guest runs to its end under TCG', async (t) => {
  t.is(await runProbe(arm64, 'arm64', tcg, limitMs), null)
})

test('a guest that never runs is told after the limit', async (t) => {
  t.is(await runProbe(x86, 'x86_64', [...tcg, '-S'], 50), 'guest did not run within 0.05 s')
})

test('a guest that faults is told from one that ran', async (t) => {
  // Without long mode the probe's way into it raises an exception, which ends in a reset.
  const problem = await runProbe(x86, 'x86_64', ['-accel', 'tcg', '-cpu', 'qemu32'], limitMs)
  t.is(problem, 'the probe guest ended with exit status 0')
})

test("QEMU's complaint is the reason", async (t) => {
  const problem = await runProbe(x86, 'x86_64', ['-accel', 'tcg', '-cpu', 'z80'], limitMs)
  t.is(problem, "unable to find CPU model 'z80'")
})

test('TCG is taken without a probe when the board asks for it', async (t) => {
  const folder = join(cacheDir, 'unused')
  const choice = await chooseAccelerator(same.program, same.arch, 'tcg', folder)
  t.like(choice, { accelerator: 'tcg', reason: 'TCG: as the board asks' })
  t.regex(choice.qemuVersion, /^\d+\.\d+/)
  await t.throwsAsync(access(folder))
})

test('KVM is never taken for another architecture than the host', async (t) => {
  const choice = await chooseAccelerator(other.program, other.arch, 'auto', cacheDir)
  t.is(choice.accelerator, 'tcg')
  t.regex(choice.reason, /^KVM: the host is \w+, the guest is \w+; using TCG$/)
  await t.throwsAsync(chooseAccelerator(other.program, other.arch, 'kvm', cacheDir), {
    instanceOf: LabError,
    message: /KVM was asked for and does not work: the host is/,
  })
})

test('auto says what it chose and why, and remembers what the probe said', async (t) => {
  const folder = join(cacheDir, 'auto')
  const first = await chooseAccelerator(same.program, same.arch, 'auto', folder)
  t.log(first.reason)
  t.regex(first.reason, first.accelerator === 'kvm' ? /^KVM: a probe guest ran$/ : /^KVM: .+; using TCG$/)
  const files = await readdir(join(folder, 'kvm')).catch(() => [])
  // Without a usable /dev/kvm there is nothing to probe, and nothing to remember.
  if (files.length === 0) {
    t.regex(first.reason, /\/dev\/kvm/)
    return
  }
  await writeFile(join(folder, 'kvm', files[0]!), '{"problem": "what was remembered"}')
  const second = await chooseAccelerator(same.program, same.arch, 'auto', folder)
  t.is(second.reason, 'KVM: what was remembered; using TCG')
  await writeFile(join(folder, 'kvm', files[0]!), '{"problem": tor')
  t.deepEqual(await chooseAccelerator(same.program, same.arch, 'auto', folder), first)
})

test('a QEMU that is missing is a LabError', async (t) => {
  const error = { instanceOf: LabError, message: /\/nonexistent\/qemu/ }
  await t.throwsAsync(chooseAccelerator({ path: '/nonexistent/qemu' }, 'arm64', 'auto', cacheDir), error)
})
