import test from 'ava'
import { SolInput, SolOutput } from './sol-stream.ts'

const banner = '[SOL Session operational.  Use ~? for help]\n'

test("ipmitool's banner and notices are taken out, wherever the chunks are cut", (t) => {
  const whole = `noise\n${banner}login: ~B [send break]\nSysRq ~B~B [send break]\n# ~B [send break]\n`
  const bytes = Buffer.from(whole)
  for (let cut = 0; cut <= bytes.length; cut++) {
    let ups = 0
    const output = new SolOutput(() => ups++)
    output.expectBreakNotice()
    output.expectBreakNotice()
    const out = Buffer.concat([output.push(bytes.subarray(0, cut)), output.push(bytes.subarray(cut))])
    t.is(out.toString(), 'login: SysRq ~B# ~B [send break]\n', `cut at ${cut}`)
    t.is(ups, 1)
  }
})

test('only what may be a part of a notice is held back', (t) => {
  const output = new SolOutput(() => {})
  output.push(Buffer.from(banner))
  t.is(output.push(Buffer.from('x~')).toString(), 'x~')
  output.expectBreakNotice()
  t.is(output.push(Buffer.from('x~B [')).toString(), 'x')
  t.is(output.push(Buffer.from('y')).toString(), '~B [y')
})

test('a tilde at the beginning of a line is doubled, and a BREAK begins a line', (t) => {
  const input = new SolInput()
  t.is(input.escape(Buffer.from('~a~\r~~\n')).toString(), '~~a~\r~~~\n')
  t.is(input.breakSequence().toString(), '~B')
  t.is(input.breakSequence().toString(), '\r~B')
  t.is(input.escape(Buffer.from('~')).toString(), '~')
})
