import test from 'ava'
import { hasPython } from './serial-python.ts'
import { allowedCpus, measureRound, type ReaderName } from './serial-round.ts'

const readers: ReaderName[] = ['harness', 'bare', 'pexpect']

for (const reader of readers)
  test(`${reader}: everything that two consoles wrote is read, no line before it was written`, async (t) => {
    const signal = AbortSignal.timeout(60_000)
    const modules = reader === 'pexpect' ? ['pexpect', 'serial'] : []
    if (!(await hasPython(modules, signal))) {
      t.log(`not run: no /usr/bin/python3 with ${['its own modules', ...modules].join(', ')}`)
      return t.pass()
    }
    const [cpu] = (await allowedCpus()) as [number, ...number[]]
    const cpus = { reader: cpu, writer: cpu }
    const round = await measureRound({ reader, consoles: 2, seconds: 2, warmUpSeconds: 1, cpus }, signal)
    t.is(round.lostBytes, 0)
    t.true(round.sentBytes >= 2 * 2 * 11_000)
    t.true(round.errorsMs.length > 50)
    t.true(round.errorsMs.every((ms) => ms > 0))
    t.true(round.cpuShare > 0)
    t.true(round.peakRssBytes > 1_000_000)
  })
