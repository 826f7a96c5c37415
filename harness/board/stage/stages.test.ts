import test from 'ava'
import { Shell } from '../../console/shell.ts'
import { UsageError } from '../../errors.ts'
import { firmwareStages, kernelStages, reachShell, shellStage } from './shell.ts'
import { simulatedBoard } from './simulated-board-fixture.ts'
import { runStage, type Stage, stageTypes } from './stages.ts'

const board = (...stages: object[]) => ({
  name: 'juno',
  stages: stages.map((stage): Stage => stageTypes.parse(stage)),
})
const uBoot = { type: 'u-boot', commands: ['run service'] }
const login = { type: 'login', password: { env: 'X' } }
const shell = { type: 'shell' }

test('the last shell and the logins right before it come again with each kernel', (t) => {
  const all = board(
    uBoot,
    login,
    { ...shell, name: 'service Linux' },
    login,
    { ...login, user: 'two' },
    shell,
  )
  const { logins, shell: last } = kernelStages(all)
  t.deepEqual(logins, all.stages.slice(3, 5) as typeof logins)
  t.deepEqual(last, all.stages[5] as typeof last)
  t.deepEqual(firmwareStages(all), all.stages.slice(0, 3))
  t.deepEqual(shellStage(all).logins, logins)
})

test('a board of a shell alone has no firmware stages', (t) => {
  t.deepEqual(firmwareStages(board(shell)), [])
  t.deepEqual(firmwareStages(board(login, shell)), [])
})

test('a descriptor has to end with a shell', (t) => {
  t.throws(() => shellStage(board(shell, uBoot)), {
    instanceOf: UsageError,
    message: 'the last stage of juno is u-boot, not a shell',
  })
})

test('every stage can be parsed again as it was parsed', (t) => {
  for (const stage of [
    uBoot,
    { type: 'u-boot', interrupt: false, limit: '1h30m' },
    { type: 'u-boot', interrupt: { at: 'Press SPACE', send: '\x03' }, commands: [{ run: 'a', limit: 5 }] },
    login,
    shell,
    { type: 'extlinux', entry: 'Main' },
    { type: 'grub', entry: 'Main' },
    { type: 'uefi-shell', commands: ['fs0:'] },
  ]) {
    const once = stageTypes.parse(stage)
    t.deepEqual(stageTypes.parse(JSON.parse(JSON.stringify(once))), once)
  }
})

test('GRUB gets an entry or commands, not both and not none', (t) => {
  t.false(stageTypes.safeParse({ type: 'grub' }).success)
  t.false(stageTypes.safeParse({ type: 'grub', entry: 'a', commands: ['b'] }).success)
})

test('a kernel that is started because autoboot was not interrupted is told', async (t) => {
  const juno = simulatedBoard((_, say) => say('Starting kernel ...\r\n'))
  juno.say('U-Boot 2023.01\r\nHit any key to stop autoboot:  1 ')
  await t.throwsAsync(runStage(stageTypes.parse(uBoot), juno.context()), {
    message: 'U-Boot started a kernel by itself: it was not interrupted',
  })
})

test('a board that wants a word gets it, again and again until the prompt comes', async (t) => {
  let pressed = 0
  const juno = simulatedBoard((piece, say) => {
    if (piece === 'stop\r') {
      pressed += 1
      if (pressed === 2) say('\r\njuno# ')
    } else if (piece === '\x03') say('<INTERRUPT>\r\njuno# ')
    else if (piece === '\r') say('\r\nStarting kernel ...\r\n')
    else say(piece)
  })
  juno.say('Type stop to end Autoboot in 2 seconds')
  const stage = { ...uBoot, prompt: 'juno# ', interrupt: { send: 'stop\r' } }
  const position = await runStage(stageTypes.parse(stage), juno.context())
  t.true(juno.console.since(0).slice(0, position).endsWith('Starting kernel ...'))
  t.true(juno.typed().startsWith('stop\rstop\r'))
})

test('an older prompt is not taken for the one that is waited for', async (t) => {
  const juno = simulatedBoard(() => {})
  juno.say('=> old prompt')
  const stage = stageTypes.parse({ ...uBoot, interrupt: false, limit: '200ms' })
  await t.throwsAsync(runStage(stage, juno.context({ from: juno.console.position })), {
    name: 'ConsoleTimeout',
    message: /^no prompt "=> " of U-Boot within 0\.\d+ s; last line: "=> old prompt"$/,
  })
})

test('a setup command that fails is told with what it said', async (t) => {
  const juno = simulatedBoard((piece, say) => {
    const computed = piece.replaceAll('$((40+2))', '42')
    const probe = /echo (P42\w+)\n/.exec(computed)
    if (probe) say(`${probe[1]}\r\n# `)
    else if (piece === '\n') say('\r\n')
    else if (computed.includes('S42')) {
      const token = /S42(\w+);/.exec(computed)![1]
      say(`${piece}\r\nS42${token}\r\nmount: no such device\r\nE32${token}42\r\n# `)
    }
  })
  juno.say('# ')
  const { shell: stage } = kernelStages(board({ ...shell, name: 'service Linux', setup: ['mount /main'] }))
  await t.throwsAsync(
    reachShell(juno.console, new Shell(juno.console), stage, { from: 0, timeoutMs: 30_000 }),
    {
      name: 'BoardError',
      message: 'setup of the service Linux: `mount /main` failed (status 32): "mount: no such device"',
    },
  )
})
