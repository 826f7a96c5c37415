/** Boots a board cold and looks at each step, up to what a kexec needs. Switches its power. */
import { answersWhenOff } from '../../board/answers-when-off.ts'
import type { RealDescriptor } from '../../board/kinds.ts'
import { labFault } from '../../board/lab-fault.ts'
import { shellStage } from '../../board/stage/shell.ts'
import { runStage } from '../../board/stage/stages.ts'
import { systemClock } from '../../clock.ts'
import { Console } from '../../console/console.ts'
import { openLink } from '../../console/link.ts'
import { quote, Shell } from '../../console/shell.ts'
import { baudOf, connectTo, paceOf } from '../../console/transports.ts'
import { LabError } from '../../errors.ts'
import { commandLine, newNonce } from '../../kexec/command-line.ts'
import { openPower, type PowerControl } from '../../power/control.ts'
import { attempt, type Check } from './check.ts'

/** Longer than a run's: here a person wants to be sure. */
const offPatience = { drainMs: 1_000, echoMs: 2_000 }
const commandLimitMs = 60_000

/** Power off, on, every stage, and what the kernel that will kexec needs; the power is off in the end. Stops where one fails. */
export async function* bootChecks(descriptor: RealDescriptor, signal: AbortSignal): AsyncGenerator<Check> {
  const { name, console: line } = descriptor
  let console: Console | undefined
  await using link = await openLink(
    {
      connect: await connectTo(line),
      pace: paceOf(line),
      what: `console of ${name}`,
      events: {
        bytes: (chunk, atNs) => console?.feed(chunk, atNs),
        lost: (reason, atNs) => console?.hole(reason, atNs),
        back: (atNs) => console?.back(atNs),
        gone: (error) => console?.close(error.message),
      },
    },
    signal,
  )
  const baud = baudOf(line)
  console = new Console(link, undefined, baud === undefined ? {} : { baud })
  await using control = await openPower(name, descriptor.power)
  try {
    yield* bootSteps({ descriptor, console, control, signal })
  } finally {
    // Also after a failure or Ctrl-C: a board is left as a run leaves it.
    yield await attempt('power off again', async () => {
      await control.off(new AbortController().signal)
      return 'off, as a run leaves it'
    })
  }
}

type Boot = { descriptor: RealDescriptor; console: Console; control: PowerControl; signal: AbortSignal }

async function* bootSteps(boot: Boot): AsyncGenerator<Check> {
  const { descriptor, console, control, signal } = boot
  let onAt = 0
  let from = 0
  const sinceNs = systemClock.nowNs()
  const sinceOnMs = () => performance.now() - onAt
  const leftMs = () => Math.max(1, Math.round(descriptor.limits.bootMs - sinceOnMs()))
  const append = commandLine({ ...descriptor, nonce: newNonce() })
  const steps: [what: string, act: () => Promise<string>][] = [
    ['power off', () => switchOff(control, console, signal)],
    [
      'power on',
      async () => {
        from = console.position
        onAt = performance.now()
        await control.on(signal)
        return `took ${seconds(sinceOnMs())}`
      },
    ],
    ['first output', () => firstOutput(boot, from, leftMs())],
    ...descriptor.stages.map((stage): [string, () => Promise<string>] => [
      `stage ${stage.name ?? stage.type}`,
      async () => {
        from = await runStage(stage, { console, from, commandLine: append, timeoutMs: leftMs(), signal })
        return `done ${seconds(sinceOnMs())} after power-on`
      },
    ]),
  ]
  for (const [what, act] of steps) {
    const check = await attempt(what, act)
    yield check.state === 'broken' ? withLabFault(check, boot, sinceNs) : check
    if (check.state === 'broken') return
  }
  yield* shellChecks(descriptor, new Shell(console, { prompt: shellStage(descriptor).prompt }), signal)
}

/** A prompt that did not come, since the console was lost or garbled, is told as that. */
function withLabFault(check: Check, { descriptor, console }: Boot, sinceNs: bigint): Check {
  const fault = labFault(descriptor, console, sinceNs)
  if (!fault || check.detail === fault.message) return check
  return { ...check, detail: `${fault.message}; ${check.detail}`, hint: fault.hint ?? check.hint }
}

/** Switches off, and tries whether that did anything: a relay may say yes and do nothing. */
async function switchOff(control: PowerControl, console: Console, signal: AbortSignal): Promise<string> {
  await control.off(signal)
  const alive = await answersWhenOff(console, offPatience, signal)
  if (alive === undefined) return 'done, and the board answers nothing'
  throw new LabError(`the board goes on talking after its power was switched off: ${JSON.stringify(alive)}`, {
    hint: 'The switch says yes and does nothing, or it switches another board: look at the outlet number.',
  })
}

async function firstOutput(
  { descriptor, console, signal }: Boot,
  from: number,
  timeoutMs: number,
): Promise<string> {
  const sinceNs = systemClock.nowNs()
  const line = /[^\r\n]*\S[^\r\n]*[\r\n]/
  const found = await console
    .expect(line, { from, timeoutMs, signal, what: 'output after power-on' })
    .catch((error: Error) => {
      if (error.name !== 'ConsoleTimeout') throw error
      throw (
        labFault(descriptor, console, sinceNs) ??
        new LabError(`not a line within ${seconds(timeoutMs)} after power-on`, {
          hint: "Does the switch feed this board, and is the console this board's? Then the cable.",
        })
      )
    })
  return JSON.stringify(found.text.trim().slice(0, 100))
}

/** What the shell has to have for a kexec. Every one is looked at, whatever the others said. */
async function* shellChecks(
  descriptor: RealDescriptor,
  shell: Shell,
  signal: AbortSignal,
): AsyncGenerator<Check> {
  const run = async (command: string) => await shell.run(command, { timeoutMs: commandLimitMs, signal })
  yield await attempt('shell', async () => {
    const { output } = await run('id -u; uname -rm')
    const [user = '', kernel = ''] = output.split('\n').map((text) => text.trim())
    return user === '0'
      ? `answers, root on Linux ${kernel}`
      : { state: 'broken', detail: `answers as user ${user}; a kexec needs root`, hint: 'Log in as root.' }
  })
  const { kernel, initramfs } = descriptor.image
  for (const [what, file] of Object.entries({ kernel, initramfs })) {
    if (file === undefined) continue
    yield await attempt(what, async () => {
      const { status, output } = await run(`test -s ${quote(file)} && wc -c < ${quote(file)}`)
      if (status === 0) return `${file}, ${output.trim()} bytes`
      return {
        state: 'broken',
        detail: `${file} is not on the board, or is empty`,
        hint: `Is its file system mounted? A shell stage's setup can do that; else mend image.${what}.`,
      }
    })
  }
  yield await attempt('kexec-tools', async () => {
    const { status, output } = await run('kexec --version')
    return status === 0
      ? output.trim()
      : { state: 'broken', detail: 'there is no kexec on the board', hint: 'Install kexec-tools there.' }
  })
  yield await attempt('CONFIG_KEXEC', () => kexecAllowed(run))
  yield await attempt('sysrq', () => sysrqEnabled(run))
}

type Run = (command: string) => Promise<{ status: number; output: string }>

/** Documentation/ABI/testing/sysfs-kernel-kexec..., Documentation/admin-guide/sysctl/kernel.rst, kexec_load_disabled. */
async function kexecAllowed(run: Run): Promise<string | Omit<Check, 'what'>> {
  const { status, output } = await run(
    'cat /sys/kernel/kexec_loaded && cat /proc/sys/kernel/kexec_load_disabled',
  )
  if (!/^[01]/.test(output.trim()))
    return {
      state: 'broken',
      detail: '/sys/kernel/kexec_loaded is not there: the kernel has no CONFIG_KEXEC, or /sys is not mounted',
      hint: 'Build the kernel with CONFIG_KEXEC=y, or mount /sys.',
    }
  const disabled = status === 0 && output.trim().split(/\s+/)[1] !== '0'
  return disabled
    ? {
        state: 'broken',
        detail: 'kernel.kexec_load_disabled is set, and stays so until the next boot',
        hint: 'Find what sets it: grep -r kexec_load_disabled /etc/sysctl.d',
      }
    : 'the kernel can kexec'
}

/** Documentation/admin-guide/sysrq.rst: 1 is everything, 8 dumps of tasks and registers, 128 reboot. */
const sysrqNeeds = 8 | 128

async function sysrqEnabled(run: Run): Promise<string | Omit<Check, 'what'>> {
  const { output } = await run('cat /proc/sys/kernel/sysrq')
  const allowed = Number(output.trim() || Number.NaN)
  if (allowed === 1 || (allowed & sysrqNeeds) === sysrqNeeds)
    return `${allowed}: a hang can be asked about by BREAK`
  return {
    state: 'unclear',
    detail: Number.isNaN(allowed)
      ? 'the kernel has no sysrq: a hang can only be ended by its power'
      : `${allowed}: a hang can't be asked about by BREAK`,
    hint: 'Append sysrq_always_enabled to the command line (descriptor: append).',
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
