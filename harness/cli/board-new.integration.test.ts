/** Descriptors of new boards, by answers on the command line and at a terminal. */
import { existsSync, readFileSync } from 'node:fs'
import test from 'ava'
import { loadDescriptor } from '../board/descriptor.ts'
import { isClear, Workspace } from './command-fixture.ts'
import { interactive } from './lab/interactive-fixture.ts'

const answers = [
  ...['arch=arm64', 'console=serial', 'console.path=/dev/ttyUSB0', 'power=pdudaemon'],
  ...['power.url=http://rack1:16421', 'power.hostname=pdu', 'power.port=3', 'firmware=u-boot'],
  ...['firmware.prompt=juno# ', 'firmware.commands=setenv x 1; boot', 'login=yes', 'login.password=PASSWORD'],
]
const settings = (list: string[]) => list.flatMap((answer) => ['--set', answer])

test.serial('board new writes a descriptor that is right, and never over another', async (t) => {
  await using place = new Workspace()
  const args = ['board', 'new', 'mine', '--into', place.folder, ...settings(answers)]
  const { status, stdout, stderr } = await place.run(args)
  t.is(status, 0, stderr)
  t.regex(stdout, /mine\.yaml is written/)
  const file = place.path('mine.yaml')
  const descriptor = await loadDescriptor('mine', place.folder)
  t.like(descriptor, { name: 'mine', arch: 'arm64', image: { kernel: '/boot/vmlinuz' } })
  t.like(descriptor.console, { type: 'serial', path: '/dev/ttyUSB0', baud: 115_200 })
  t.like(descriptor.stages[0], { type: 'u-boot', prompt: 'juno# ', commands: ['setenv x 1', 'boot'] })
  t.like(descriptor.stages[1], { type: 'login', password: { env: 'PASSWORD' } })
  t.like(descriptor.stages[2], { type: 'shell' })
  const text = readFileSync(file, 'utf8')
  t.regex(text, /# offDwell: 5s # /)

  const again = await place.run(args)
  t.is(again.status, 2)
  isClear(t, again.stderr, 'is there already')
  t.is(readFileSync(file, 'utf8'), text)
})

test.serial('board new asks at a terminal, and Ctrl-C leaves nothing behind', async (t) => {
  await using place = new Workspace()
  const start = () =>
    interactive(['board', 'new', '--into', place.folder, '--set', 'console.path=/dev/ttyUSB0'], true)
  const given = start()
  await given.says(/The board's name/)
  given.type('\x03')
  t.is(await given.ended, 130)

  const asked = start()
  for (const [question, keys] of [
    [/The board's name/, 'desk\r'],
    [/Its architecture/, '\r'],
    [/Its console/, '\r'],
    [/Speed of the line/, '9600\r'],
    [/What switches its power/, '\r'],
    [/Of its HTTP listener/, 'not a url\r'],
    [/is no http or https URL|wants an http/, '\x15http://rack1:16421\r'],
    [/The PDU, as pdudaemon/, 'pdu\r'],
    [/The PDU's outlet/, '3\r'],
    [/has to be told by the firmware/, '\r'],
    [/Is there a login prompt/, '\r'],
    [/The kernel to kexec/, '\r'],
    [/Its initramfs/, '\r'],
  ] as const) {
    await asked.says(question)
    asked.type(keys)
  }
  t.is(await asked.ended, 0)
  const descriptor = await loadDescriptor('desk', place.folder)
  t.like(descriptor.console, { type: 'serial', path: '/dev/ttyUSB0', baud: 9600 })
  t.like(descriptor.power, { type: 'pdudaemon', url: 'http://rack1:16421', hostname: 'pdu', port: 3 })
  t.like(descriptor, { image: { kernel: '/boot/vmlinuz' }, stages: [{ type: 'shell' }] })
})

test.serial('board new without a terminal names what it has no answer for', async (t) => {
  await using place = new Workspace()
  const run = async (list: string[]) => {
    const { status, stderr } = await place.run([
      'board',
      'new',
      'm',
      '--into',
      place.folder,
      ...settings(list),
    ])
    t.is(status, 2, stderr)
    t.false(existsSync(place.path('m.yaml')))
    return stderr
  }
  isClear(t, await run([]), 'no answer: arch, console, power', '--set console=serial|')
  isClear(t, await run(['arch=arm64', 'console=serial', 'power=usbrelay']), '--set console.path=…')
  isClear(t, await run([...answers, 'console.baud=fast']), 'console.baud "fast"', 'number')
  isClear(t, await run([...answers, 'console.buad=9600']), 'did you mean "console.baud"?')
  isClear(t, await run(['console=serail']), 'did you mean "serial"?')
  isClear(t, await run(['console']), '--set wants KEY=VALUE')
})
