import test from 'ava'
import { answersNetwork } from './observe/downtime.ts'
import { observeDowntime } from './observe/observing.ts'
import { openSession } from './session-fixture.ts'

test('a guest answers ping and TCP until it is kexec’d, and again after', async (t) => {
  const { session, board } = await openSession(t, { observing: observeDowntime })
  const { proven, phases, evidence } = await session.cycle({
    ...{ syscall: 'kexec_load', checks: false, ifdown: true },
  })
  t.true(proven)
  const { icmp, tcp } = evidence!.downtime!
  for (const outage of [icmp!, tcp!]) {
    const { ms, uncertaintyMs, lastAnswerMs, firstAnswerMs } = outage
    t.log(`${ms} ms, gap ${phases.gapMs} ms`, outage)
    t.true(outage.answered >= 20 && outage.answered <= outage.sent)
    t.true(outage.lastAfterLastLineMs! < outage.firstAnswerMs!)
    t.true(firstAnswerMs! > lastAnswerMs! && ms! > 0 && uncertaintyMs! > 0)
    // Nobody answers in the gap, and the new kernel only after its first line.
    t.true(ms! + uncertaintyMs! >= phases.gapMs!)
    t.true(outage.firstAfterFirstLineMs! > 0)
    t.true(outage.longestSilenceMs! >= ms!)
  }
  const { status } = await board.shell.run('ip address flush dev eth0', { timeoutMs: 60_000 })
  t.is(status, 0)
  t.false(await answersNetwork(board, new AbortController().signal))
})
