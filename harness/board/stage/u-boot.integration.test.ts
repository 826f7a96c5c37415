/** U-Boot, service Linux, main Linux: Debian's U-Boot on QEMU's aarch64 machine, and a disk as a real board has it. */
import test, { type ExecutionContext } from 'ava'
import { bootDisk } from '../../../images/boot-disk.ts'
import { resolveImage } from '../../../images/image.ts'
import { ensureUBoot } from '../../../qemu/rig/firmware.ts'
import { ConsoleTimeout } from '../../console/console.ts'
import { Shell } from '../../console/shell.ts'
import { BoardError, LabError } from '../../errors.ts'
import { startFirmware } from './machine-fixture.ts'
import { reachShell, shellStage } from './shell.ts'
import { runStage, type Stage, stageTypes } from './stages.ts'

const secondMs = 1000
const variable = 'KEXEC_HARNESS_TEST_PASSWORD'
const parse = (stage: unknown): Stage => stageTypes.parse(stage)
const service = [
  `load virtio 0:1 \${kernel_addr_r} /boot/Image`,
  { run: `load virtio 0:1 \${ramdisk_addr_r} /boot/service.img`, expect: 'bytes read', limit: '1m' },
  `setenv bootargs "console=ttyAMA0 \${harness_args}"`,
  `booti \${kernel_addr_r} \${ramdisk_addr_r}:\${filesize} \${fdtcontroladdr}`,
]
const shell = {
  type: 'shell',
  prompt: '# ',
  setup: ['mkdir -p /mnt', 'mountpoint -q /mnt || mount -o ro LABEL=board /mnt'],
}
const board = (...stages: unknown[]) => ({ name: 'board', stages: stages.map(parse) })

async function start(t: ExecutionContext, password?: string) {
  const firmware = await ensureUBoot('arm64', {})
  const disk = await bootDisk(await resolveImage('bookworm-cloud-arm64'), password ? { password } : {})
  return await startFirmware(t, 'arm64', disk, ['-bios', firmware])
}

test.serial(
  'U-Boot boots the service Linux, which kexecs the main Linux; each has its own command line',
  async (t) => {
    await using machine = await start(t)
    const { console } = machine
    const uBoot = parse({ type: 'u-boot', commands: service })
    // Longer than one line of many U-Boots, and with what its shell would take for its own.
    const words = Array.from({ length: 30 }, (_, index) => `harness.word${index}=a;b`)
    const commandLine = ['kexec_harness.nonce=0a1b', ...words].join(' ')
    const from = await runStage(uBoot, machine.context({ commandLine }))
    const stage = shellStage(board(uBoot, shell))
    const prompt = new Shell(console)
    await reachShell(console, prompt, stage, { from, timeoutMs: 120 * secondMs })
    const run = (command: string) => prompt.run(command, { timeoutMs: 120 * secondMs })
    t.is((await run('cat /proc/cmdline')).output, `console=ttyAMA0 ${commandLine}`)
    t.like(await run('grep -q ^20 /proc/device-tree/chosen/u-boot,version'), { status: 0 })

    const load = '--no-checks -l /mnt/main/vmlinuz --initrd=/mnt/main/initrd.img'
    t.like(await run(`kexec ${load} --command-line="console=ttyAMA0 main"`), { status: 0 })
    const before = console.position
    await console.write('kexec -e\n')
    // The old prompt and the old ready line are no answer.
    await reachShell(console, prompt, stage, { from: before + 'kexec -e'.length, timeoutMs: 120 * secondMs })
    t.is((await run('cat /proc/cmdline')).output, 'console=ttyAMA0 main')
    t.is((await run('ls -1 /mnt/main')).output, 'initrd.img\nvmlinuz')
  },
)

test.serial('an entry of the extlinux menu is chosen by its label', async (t) => {
  await using machine = await start(t)
  const menu = parse({ type: 'extlinux', entry: 'Main Linux' })
  const from = await runStage(menu, machine.context())
  await runStage(parse(shell), machine.context({ from }))
  const prompt = new Shell(machine.console)
  await prompt.synchronise(60 * secondMs)
  const { output } = await prompt.run('cat /proc/cmdline', { timeoutMs: 60 * secondMs })
  t.is(output.trim(), 'console=ttyAMA0')
  t.true(machine.console.since(0).includes('/main/initrd.img'))
})

test.serial('an entry that the extlinux menu does not have is told, with those that it has', async (t) => {
  await using machine = await start(t)
  const error = await t.throwsAsync(
    runStage(parse({ type: 'extlinux', entry: 'Rescue' }), machine.context()),
    { instanceOf: BoardError, message: /no entry "Rescue"; it has "Service Linux", "Main Linux"$/ },
  )
  t.log(error!.message)
})

test.serial('what U-Boot refuses is quoted', async (t) => {
  await using machine = await start(t)
  const tried = async (command: unknown, stage: object = {}) =>
    await t.throwsAsync(runStage(parse({ type: 'u-boot', commands: [command], ...stage }), machine.context()))
  const refusals: [unknown, RegExp][] = [
    ['frobnicate', /^U-Boot: `frobnicate` failed \(status 1\): "Unknown command 'frobnicate' - try 'help'"$/],
    [`load virtio 0:1 \${kernel_addr_r} /nope`, /failed \(status 1\): "Failed to load '\/nope'"$/],
    [
      `load virtio 0:1 \${kernel_addr_r} /extlinux/extlinux.conf; booti \${kernel_addr_r} - \${fdtcontroladdr}`,
      /Bad Linux ARM64 Image magic!/,
    ],
    [{ run: 'echo hello', expect: 'good bye' }, /failed \(it did not say "good bye"\): "hello"$/],
    [{ run: 'echo TFTP error', fail: 'TFTP error' }, /`echo TFTP error` failed: "TFTP error"$/],
    [{ run: 'md.b 0 1; reset', limit: '30s' }, /resetting \.\.\."$|Synchronous Abort/],
  ]
  let stage: object = {}
  for (const [command, message] of refusals) {
    const error = await tried(command, stage)
    t.log(error!.message)
    t.true(error instanceof BoardError)
    t.regex(error!.message, message)
    // It stays where it is.
    stage = { interrupt: false }
  }
})

test.serial('a prompt that never comes is named, with its stage', async (t) => {
  await using machine = await start(t)
  const stage = parse({ type: 'u-boot', name: 'U-Boot of juno', prompt: 'juno# ', limit: '4s' })
  const error = await t.throwsAsync(runStage(stage, machine.context()), { instanceOf: ConsoleTimeout })
  t.regex(error!.message, /^no prompt "juno# " of U-Boot of juno within \S+ s; last line: "=>/)
})

test.serial('a login with a password, which is nowhere in the record', async (t) => {
  const password = 'correct horse 42'
  process.env[variable] = password
  t.teardown(() => delete process.env[variable])
  await using machine = await start(t, password)
  const { console } = machine
  const uBoot = parse({ type: 'u-boot', commands: service })
  let from = await runStage(uBoot, machine.context({ commandLine: 'kexec_harness.nonce=0a1b' }))

  process.env[`${variable}_WRONG`] = 'not this one'
  t.teardown(() => delete process.env[`${variable}_WRONG`])
  const wrong = parse({ type: 'login', password: { env: `${variable}_WRONG` } })
  const refusal = await t.throwsAsync(runStage(wrong, machine.context({ from })), { instanceOf: LabError })
  t.is(
    refusal!.message,
    `login refused root, whose password is in the environment variable ${variable}_WRONG: it said "Login incorrect"`,
  )
  const none = await t.throwsAsync(
    runStage(parse({ type: 'login', password: { env: `${variable}_UNSET` } }), machine.context({ from })),
    { instanceOf: LabError },
  )
  t.regex(none!.message, /the password of root for login is not there: .*_UNSET is not set$/)

  const login = { type: 'login', password: { env: variable } }
  const stage = shellStage(board(uBoot, login, shell))
  const prompt = new Shell(console)
  from = console.position
  await console.write('\n')
  await reachShell(console, prompt, stage, { from, timeoutMs: 120 * secondMs })
  const run = (command: string) => prompt.run(command, { timeoutMs: 120 * secondMs })
  t.is((await run('echo $LOGNAME')).output, 'root')

  const load = '--no-checks -l /mnt/main/vmlinuz --initrd=/mnt/main/initrd.img'
  t.like(await run(`kexec ${load} --command-line="console=ttyAMA0 main"`), { status: 0 })
  from = console.position + 'kexec -e'.length
  await console.write('kexec -e\n')
  await reachShell(console, prompt, stage, { from, timeoutMs: 120 * secondMs })
  t.is((await run('cat /proc/cmdline; echo $LOGNAME')).output, 'console=ttyAMA0 main\nroot')
  const recorded = await machine.recorded()
  t.true(recorded.includes('board login: root'))
  t.false(recorded.includes(password))
  t.false(recorded.includes('not this one'))
})
