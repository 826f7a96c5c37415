import test from 'ava'
import { parseKernelLine } from '../../console/kernel-lines.ts'
import { kernelLog } from './kernel-log.ts'

test('a log is as long as asked for, of whole lines whose stamps run on from one boot to the next', (t) => {
  const { text, lines } = kernelLog(300_000)
  t.true(text.length >= 300_000)
  const read = text.toString('latin1').split('\r\n')
  t.is(read.pop(), '')
  t.is(read.length, lines)
  const boots = read.filter((line) => line.includes('Linux version'))
  const seconds = boots.map((line) => parseKernelLine(line)!.seconds)
  t.true(boots.length > 10)
  t.deepEqual(
    seconds,
    seconds.toSorted((left, right) => left - right),
  )
})

test('a boot differs from the one before it, and the same log comes each time', (t) => {
  const { text } = kernelLog(300_000)
  const memory = text.toString('latin1').match(/BIOS-e\d+: \[mem .*\] usable/g)!
  t.true(new Set(memory).size > memory.length / 2)
  t.deepEqual(kernelLog(300_000).text, text)
})

test('a line can be put in place of another', (t) => {
  const { text } = kernelLog(1_000, (index) => (index === 3 ? 'Oops: 0000 [#1]' : undefined))
  t.is(text.toString('latin1').split('\r\n')[3], 'Oops: 0000 [#1]')
})
