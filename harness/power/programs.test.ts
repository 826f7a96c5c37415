import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { commandSchema, openCommand } from './command.ts'
import { inTime, temporaryFolder, until, writeScript } from './daemon-fixture.ts'
import { gpioSchema, openGpio } from './gpio.ts'
import { ipmiSchema, openIpmi } from './ipmi.ts'
import { openUsbrelay, usbrelaySchema } from './usbrelay.ts'

const path = process.env.PATH

/** A folder before all others on PATH, with a simulated program in it that finds itself in $HERE. */
async function simulated(t: ExecutionContext, program: string, script: string): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeScript(folder, program, `#!/bin/sh\nHERE=${folder}\n${script}`)
  process.env.PATH = `${folder}:${path}`
  t.teardown(() => {
    process.env.PATH = path
  })
  return folder
}

const textOf = (file: string) => readFile(file, 'utf8').catch(() => '')

// As usbrelay 1.0 does: the state of all relays to standard output, status 0 whatever happens.
const usbrelay = `
touch $HERE/A_1 $HERE/A_2
for action; do
  relay=\${action%=*}
  test -e $HERE/$relay && echo \${action#*=} >$HERE/$relay
done
test $# -gt 0 && exit 0
for relay in A_1 A_2; do echo $relay=$(cat $HERE/$relay | grep 1 || echo 0); done
`

test.serial('a USB relay, simulated: switched and read back', async (t) => {
  await simulated(t, 'usbrelay', usbrelay)
  const power = openUsbrelay(usbrelaySchema.parse({ type: 'usbrelay', relay: 'A_2' }))
  t.is(await power.state?.(inTime()), 'off')
  await power.on(inTime())
  t.is(await power.state?.(inTime()), 'on')
  const other = openUsbrelay(usbrelaySchema.parse({ type: 'usbrelay', relay: 'A_1', invert: true }))
  t.is(await other.state?.(inTime()), 'on')
  const absent = openUsbrelay(usbrelaySchema.parse({ type: 'usbrelay', relay: 'BITFT_1' }))
  await t.throwsAsync(absent.on(inTime()), {
    instanceOf: LabError,
    message: 'USB relay BITFT_1 is not there; usbrelay lists A_1, A_2',
  })
})

// Both say nothing, hold the line until they are ended, and let go then.
const gpioset1 = `
test "$1" = --version && echo 'gpioset (libgpiod) v1.6.3' && exit
test "$1" = --mode=signal || exit 1
echo "$2 $3" >>$HERE/set
trap 'echo released >>$HERE/set; exit' TERM
while :; do sleep 0.05; done
`
const gpioset2 = `
test "$1" = --version && echo 'gpioset (libgpiod) v2.1.3' && exit
test "$1" = --chip || exit 1
echo "$2 $3" >>$HERE/set
trap 'echo released >>$HERE/set; exit' TERM
while :; do sleep 0.05; done
`
for (const [version, script] of [
  ['1', gpioset1],
  ['2', gpioset2],
] as const) {
  test.serial(
    `a GPIO line with a simulated gpioset of libgpiod ${version} is held until the next`,
    async (t) => {
      const folder = await simulated(t, 'gpioset', script)
      const set = join(folder, 'set')
      const config = { type: 'gpio', chip: 'gpiochip0', line: 17 }
      const power = openGpio(gpioSchema.parse(config))
      await power.on(inTime())
      await until(async () => (await textOf(set)) === 'gpiochip0 17=1\n')
      await power.off(inTime())
      await until(async () => (await textOf(set)) === 'gpiochip0 17=1\nreleased\ngpiochip0 17=0\n')
      await power.close?.()
      t.is(await textOf(set), 'gpiochip0 17=1\nreleased\ngpiochip0 17=0\nreleased\n')
      t.is(power.state, undefined)
    },
  )
}

test.serial('a GPIO line that gpioset can not have is told in its words', async (t) => {
  const script = `
test "$1" = --version && echo 'gpioset (libgpiod) v1.6.3' && exit
echo 'gpioset: error setting the GPIO line values: Device or resource busy' >&2
exit 1
`
  await simulated(t, 'gpioset', script)
  const power = openGpio(gpioSchema.parse({ type: 'gpio', chip: 'gpiochip0', line: 17, invert: true }))
  await t.throwsAsync(power.on(inTime()), {
    instanceOf: LabError,
    message: /^line 17 of gpiochip0 can't be set: .*resource busy$/,
  })
})

test.serial(
  'ipmitool, simulated, gets the password in its environment and never as an argument',
  async (t) => {
    const script = `echo "$*" >>$HERE/arguments; echo "$IPMI_PASSWORD" >$HERE/password; echo Chassis Power is on`
    const folder = await simulated(t, 'ipmitool', script)
    const file = join(folder, 'secret')
    await writeFile(file, 'hunter 2\n')
    const config = { type: 'ipmi', host: 'bmc-7', user: 'lab', password: { file }, cipherSuite: 17 }
    const power = await openIpmi(ipmiSchema.parse(config))
    await power.off(inTime())
    t.is(await power.state?.(inTime()), 'on')
    const login = '-I lanplus -H bmc-7 -p 623 -U lab -E -C 17 -N 2 -R 3'
    t.is(
      await textOf(join(folder, 'arguments')),
      `${login} chassis power off\n${login} chassis power status\n`,
    )
    t.is(await textOf(join(folder, 'password')), 'hunter 2\n')
  },
)

test('any command: on, off and state, its arguments untouched by a shell', async (t) => {
  const folder = await temporaryFolder(t)
  const script = await writeScript(
    folder,
    'relay $(rm)',
    `#!/bin/sh\ncase $1 in state) cat ${folder}/state;; *) echo "$1" >${folder}/state; echo "$2" >${folder}/saw;; esac\n`,
  )
  const config = commandSchema.parse({
    ...{ type: 'command', on: [script, 'on', '; echo $HOME `id` "'], off: [script, '0'] },
    state: [script, 'state'],
  })
  const power = openCommand(config)
  await power.on(inTime())
  t.is(await textOf(join(folder, 'saw')), '; echo $HOME `id` "\n')
  t.is(await power.state?.(inTime()), 'on')
  await power.off(inTime())
  t.is(await power.state?.(inTime()), 'off')
})

test('a command that fails, or says nothing to be understood, is told in its last words', async (t) => {
  const folder = await temporaryFolder(t)
  const script = await writeScript(
    folder,
    'relay',
    '#!/bin/sh\necho maybe\necho "the fuse is gone" >&2\nexit $1\n',
  )
  const config = { type: 'command', on: [script, '7'], off: ['no-such-program'], state: [script, '0'] }
  const power = openCommand(commandSchema.parse(config))
  const message = async (action: Promise<unknown> | undefined) =>
    (await t.throwsAsync(action!, { instanceOf: LabError }))?.message
  t.is(
    await message(power.on(inTime())),
    `the command ${script}: ${script} failed (exit status 7): the fuse is gone`,
  )
  t.is(await message(power.off(inTime())), `the command ${script}: no-such-program is not on this machine`)
  t.is(await message(power.state?.(inTime())), `the command ${script} said "maybe", which is no state`)
})

test('a command that does not end is ended with the signal', async (t) => {
  const config = { type: 'command', on: ['sleep', '1000'], off: ['true'] }
  const power = openCommand(commandSchema.parse(config))
  await t.throwsAsync(power.on(AbortSignal.timeout(200)), { name: 'TimeoutError' })
})
