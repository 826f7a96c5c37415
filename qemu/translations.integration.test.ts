import { rm } from 'node:fs/promises'
import test from 'ava'
import { bootedGuest, writeGuests } from './guests/machines.ts'
import type { Machine } from './machine.ts'
import { forgetTranslations } from './translations.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function flushes({ qmp }: Machine): Promise<number> {
  return Number(/TB flush count +(\d+)/.exec(await qmp.humanMonitor('info jit'))?.[1])
}

for (const arch of ['x86_64', 'arm64'] as const)
  test(`${arch}: what was translated is forgotten, once each time, and the guest answers on`, async (t) => {
    const { machine, until } = await bootedGuest(folder, arch)
    await using _machine = machine
    const before = await flushes(machine)
    for (const [times, letter] of ['a', 'b'].entries()) {
      await forgetTranslations(machine)
      // QEMU's main thread only asks for it; the CPU does it before its next instruction (tb_flush(), async_safe_run_on_cpu()), which
      // in one of 40 stops on a busy host was after `info jit`.
      await machine.write(letter)
      await until(letter)
      t.is(await flushes(machine), before + times + 1)
    }
  })

test('of a QEMU that is gone nothing is heard', async (t) => {
  const { machine } = await bootedGuest(folder, 'x86_64')
  await machine[Symbol.asyncDispose]()
  await t.notThrowsAsync(forgetTranslations(machine))
})
