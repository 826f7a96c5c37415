import test from 'ava'
import { Console } from '../console/console.ts'
import { Screen } from '../console/screen.ts'
import { LabError } from '../errors.ts'
import { enterLine, inputAt, prompts } from './u-root-typing.ts'

function open() {
  const typed: string[] = []
  const console = new Console({ write: async (bytes) => void typed.push(bytes.toString()) })
  const screen = new Screen(console)
  const say = (text: string) => console.feed(Buffer.from(text), 1n)
  const ui = { console, screen, timeoutMs: 300, signal: new AbortController().signal }
  return { console, screen, say, typed, ui }
}

const shortly = { timeoutMs: 5_000, what: 'prompt' }
const prompt = "Enter an option ('01' is the default, 'e' to edit kernel cmdline):\r\n > "

test('the prompt is seen where a message without a carriage return made it begin in the middle of a row', async (t) => {
  for (const message of [
    '2026/11/21 18:17:45 [grub] Got config file file:///tmp/u-root-mounts148203827/vda1/boot/grub/grub.cfg\n',
    ': encountered error open /x: no such file or directory with "file:///tmp/u-root-mounts2742317552/vda1/boot/missing-kernel"\n',
    '\r\n',
  ]) {
    const { screen, say } = open()
    say(`11. Enter a LinuxBoot shell\r\n\n\r\n${message}${prompt}`)
    t.is(await screen.expect((view) => inputAt(view, prompts.menu) === '' && 'there', shortly), 'there')
    t.is(inputAt(screen.view, prompts.edit), undefined)
  }
})

test('an earlier prompt is not taken for the one that is there', async (t) => {
  const { screen, say } = open()
  say(`${prompt}e\r\nSelect a boot option to edit:\r\n > 2`)
  t.is(await screen.expect((view) => inputAt(view, prompts.edit), shortly), '2')
  t.is(inputAt(screen.view, prompts.menu), undefined)
})

test('a number that is not echoed right is not sent', async (t) => {
  const { say, typed, ui } = open()
  say(prompt)
  // A line on which the first of two digits is lost each time.
  const echo = ui.screen.press.bind(ui.screen)
  ui.screen.press = async (...keys) => {
    await echo(...keys)
    for (const key of keys) {
      if (typeof key !== 'string') say(key.text.slice(1))
      if (key === 'Ctrl-U') say('\b \b')
    }
  }
  await t.throwsAsync(enterLine(ui, prompts.menu, '12'), {
    instanceOf: LabError,
    message: /"12", which was typed does not appear/,
  })
  t.false(typed.includes('\r'))
})
