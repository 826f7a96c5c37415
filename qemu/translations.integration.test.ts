import { rm } from 'node:fs/promises'
import test from 'ava'
import { guestMachines, writeGuests } from './guests/machines.ts'
import { type Machine, startMachine } from './machine.ts'
import { forgetTranslations } from './translations.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function flushes({ qmp }: Machine): Promise<number> {
  return Number(/TB flush count +(\d+)/.exec(await qmp.humanMonitor('info jit'))?.[1])
}

for (const arch of ['x86_64', 'arm64'] as const)
  test(`${arch}: what was translated is forgotten, once each time, and the guest answers on`, async (t) => {
    const heard = { text: '' }
    let onHeard = () => {}
    await using machine = await startMachine({
      ...guestMachines(folder)[arch],
      onConsole: (chunk) => {
        heard.text += chunk.toString('latin1')
        onHeard()
      },
    })
    const until = async (end: string) => {
      while (!heard.text.endsWith(end)) await new Promise<void>((resolve) => (onHeard = resolve))
    }
    await until('boot\r\n')
    const before = await flushes(machine)
    for (const [times, letter] of ['a', 'b'].entries()) {
      await forgetTranslations({ arch, qmp: machine.qmp })
      t.is(await flushes(machine), before + times + 1)
      await machine.write(letter)
      await until(letter)
    }
  })

test('of a QEMU that is gone nothing is heard', async (t) => {
  const machine = await startMachine({ ...guestMachines(folder).x86_64, onConsole: () => {} })
  await machine[Symbol.asyncDispose]()
  await t.notThrowsAsync(forgetTranslations({ arch: 'x86_64', qmp: machine.qmp }))
})
