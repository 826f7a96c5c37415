import test from 'ava'
import { execa } from 'execa'
import { cpuSeconds, descendants } from './processes.ts'

test('a process below another is found, with the time at which it was started', async (t) => {
  const before = Number(process.hrtime.bigint()) / 1e6
  const child = execa('sleep', ['600'], { reject: false })
  const after = Number(process.hrtime.bigint()) / 1e6
  try {
    const found = (await descendants(process.pid)).find(({ pid }) => pid === child.pid)
    t.true(found!.startedMs > before - 20)
    t.true(found!.startedMs < after + 20)
    t.true((await cpuSeconds(child.pid!)) < 1)
    t.false((await descendants(child.pid!)).some(({ pid }) => pid === process.pid))
  } finally {
    child.kill('SIGKILL')
    await child
  }
})

test('a process that is gone has used no time', async (t) => {
  const child = execa('true')
  await child
  t.is(await cpuSeconds(child.pid!), 0)
})
