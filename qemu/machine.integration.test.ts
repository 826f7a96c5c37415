import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { LabError } from '../harness/errors.ts'
import { guestMachines, listener, writeGuests } from './guests/machines.ts'
import { type Machine, type MachineOptions, startMachine } from './machine.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))
const boards = guestMachines(folder)
const { x86_64: x86, arm64 } = boards

/** Keeps what the console says and waits for a text in it. */
function recorder() {
  const { when, ...heard } = listener()
  return { ...heard, until: (wanted: string) => when((text) => text.includes(wanted)) }
}

async function untilEvent(machine: Machine, name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = () => machine.events.some((event) => event.name === name) && resolve()
  const stop = machine.onEvent(check)
  check()
  await promise
  stop()
}

/** True while a process with this id exists and is no zombie. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z')
  return !/ Z/.test(stat)
}

for (const [arch, options] of Object.entries(boards)) {
  test(`${arch}: the console is read from its first byte and written to`, async (t) => {
    const console = recorder()
    const before = process.hrtime.bigint()
    await using machine = await startMachine({ ...options, onConsole: console.onConsole })
    await console.until('boot\r\n')
    t.is(console.text(), 'boot\r\n')
    await machine.write('abc')
    await console.until('abc')
    t.true(console.stamps.every((stamp) => stamp > before && stamp < process.hrtime.bigint()))
    t.is(machine.accelerator, 'tcg')
  })

  test(`${arch}: a guest that resets is seen and stays to be examined`, async (t) => {
    const console = recorder()
    await using machine = await startMachine({ ...options, onConsole: console.onConsole })
    await console.until('boot\r\n')
    await machine.write('r')
    await untilEvent(machine, 'STOP')
    t.is(machine.shutdownReason, 'guest-reset')
    t.like(await machine.qmp.execute('query-status'), { status: 'shutdown', running: false })
    t.regex(await machine.qmp.humanMonitor('info registers'), /(RIP|EIP|PC)=/)
    t.is(console.text(), 'boot\r\n')
  })

  test(`${arch}: a closed machine leaves no process and no file`, async (t) => {
    const console = recorder()
    const machine = await startMachine({ ...options, onConsole: console.onConsole })
    await console.until('boot\r\n')
    t.true(await isAlive(machine.pid))
    const [, sockets] = /path=(.*?)\/qmp\.sock/.exec(machine.args.join(' ')) as unknown as [string, string]
    t.false(existsSync(sockets))
    await Promise.all([machine.close(), machine.close()])
    t.false(await isAlive(machine.pid))
    t.is((await machine.exited).exitCode, 0)
    await t.throwsAsync(machine.write('x'), { instanceOf: LabError, message: /QEMU is gone/ })
    await t.throwsAsync(machine.qmp.execute('query-status'), { instanceOf: LabError })
  })
}

test('a guest that powers off is seen', async (t) => {
  const console = recorder()
  await using machine = await startMachine({ ...arm64, onConsole: console.onConsole })
  await console.until('boot\r\n')
  await machine.write('o')
  await untilEvent(machine, 'STOP')
  t.is(machine.shutdownReason, 'guest-shutdown')
})

test('a QEMU that is killed or stopped from outside does not stand in the way of closing', async (t) => {
  const killed = await startMachine(x86)
  process.kill(killed.pid, 'SIGKILL')
  t.is((await killed.exited).signal, 'SIGKILL')
  await killed.close()

  const stopped = await startMachine(x86)
  process.kill(stopped.pid, 'SIGSTOP')
  await stopped.close()
  t.false(await isAlive(stopped.pid))
})

test('QEMU dies with a harness that is killed by SIGKILL', async (t) => {
  const script = `
    import { startMachine } from ${JSON.stringify(new URL('machine.ts', import.meta.url).href)}
    const machine = await startMachine({ ...${JSON.stringify(x86)}, onConsole: () => {} })
    console.log(machine.pid)
    setInterval(() => {}, 1000)`
  const harness = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(harness.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  t.true(await isAlive(pid))
  harness.kill('SIGKILL')
  await once(harness, 'exit')
  // The kernel sends the signal at once; the process needs a moment to be gone. AVA's timeout is the limit.
  while (await isAlive(pid)) await sleep(10)
  t.pass()
})

test('QEMU does not start for a parent that is gone', async (t) => {
  // The shell in between has ended by the time QEMU would start: its parent is another process then.
  const marker = join(folder, 'started')
  const { onlyWithParent } = await import('./process.ts')
  const child = spawn('sh', ['-c', onlyWithParent, '1', 'touch', marker])
  const [status] = (await once(child, 'exit')) as [number]
  t.is(status, 1)
  t.false(existsSync(marker))
})

const wrong: Record<string, [Partial<MachineOptions>, 'LabError' | 'UsageError', RegExp]> = {
  'a device that does not exist': [
    { machine: { ...x86.machine, devices: ['flux-capacitor'] } },
    'UsageError',
    /'flux-capacitor' is not a valid device model name/,
  ],
  'a property that the device does not have': [
    { machine: { ...x86.machine, devices: ['virtio-rng-pci,colour=red'] } },
    'UsageError',
    /colour/,
  ],
  'a machine property that does not exist': [
    { machine: { ...x86.machine, options: { colour: 'red' } } },
    'UsageError',
    /colour/,
  ],
  'a machine property with a wrong value': [
    { machine: { ...x86.machine, options: { smm: 'red' } } },
    'UsageError',
    /smm|red/,
  ],
  'a CPU that does not exist': [{ machine: { ...x86.machine, cpu: 'z80' } }, 'UsageError', /z80/],
  'an option that does not exist': [
    { machine: { ...x86.machine, extraArgs: ['-colour', 'red'] } },
    'UsageError',
    /-colour: invalid option/,
  ],
  'memory that is no number': [{ machine: { ...x86.machine, memory: 'much' } }, 'UsageError', /size|much/],
  'more CPUs than the machine has': [{ machine: { ...x86.machine, cpus: 5000 } }, 'UsageError', /CPUs/i],
  'a kernel file that is missing': [{ kernel: '/nonexistent/vmlinuz' }, 'LabError', /\/nonexistent\/vmlinuz/],
  'a disk that is missing': [{ drives: [{ path: '/nonexistent/disk' }] }, 'LabError', /\/nonexistent\/disk/],
  'a QEMU that is missing': [{ program: { path: '/nonexistent/qemu' } }, 'LabError', /\/nonexistent\/qemu/],
  'a QEMU that is not on the path': [{ program: { path: 'qemu-system-z80' } }, 'LabError', /qemu-system-z80/],
  'a program that is no QEMU': [{ program: { path: 'true' } }, 'LabError', /without a word/],
}

for (const [title, [change, kind, words]] of Object.entries(wrong)) {
  test(`${title} is told in QEMU's words`, async (t) => {
    const error = await t.throwsAsync(startMachine({ ...x86, ...change }), {
      name: kind,
      message: words,
    })
    t.log(`${error.name}: ${error.message}`)
  })
}

test("a port in use is told in QEMU's words", async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const extraArgs = ['-gdb', `tcp:127.0.0.1:${port}`]
  const error = await t.throwsAsync(startMachine({ ...x86, machine: { ...x86.machine, extraArgs } }), {
    instanceOf: LabError,
    message: /Address already in use/,
  })
  t.log(error.message)
  server.close()
})

test('an abort ends the start and leaves nothing', async (t) => {
  const aborted = startMachine({ ...x86, signal: AbortSignal.abort() })
  await t.throwsAsync(aborted, { name: 'AbortError' })
  const controller = new AbortController()
  const starting = startMachine({ ...x86, signal: controller.signal })
  await sleep(20)
  controller.abort()
  await t.throwsAsync(starting, { name: 'AbortError' })
})
