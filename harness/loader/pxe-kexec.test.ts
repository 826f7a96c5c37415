/** recordings/pxe-kexec-*.cast: the board qemu-x86_64-pxe (Debian 11), 2026-11-21, from just after its command was typed. */
import test from 'ava'
import { openCast } from '../console/cast/cast-fixture.ts'
import { Shell } from '../console/shell.ts'
import { LabError, UsageError } from '../errors.ts'
import { answer, pxeCommand, pxeKexec, saidOf } from './pxe-kexec.ts'

const recording = (name: string) => new URL(`recordings/pxe-kexec-${name}.cast`, import.meta.url)
const talk = (label: string, dialogue: boolean, append: string) => ({
  ...{ server: '10.0.2.2', label, dialogue, append },
  ...{ from: 0, timeoutMs: 30_000, signal: new AbortController().signal },
})
const words = 'console=ttyS0 earlyprintk=ttyS0,115200 kexec_harness.nonce=0123456789ab'

test('an entry is chosen by its label, and what its command line lacks is added with the editor', async (t) => {
  await using played = await openCast(recording('dialogue'), { speed: 0 })
  await answer(played.console, talk('main', true, `${words} kexec_harness.entry=main`))
  t.regex(await played.ended, /is over/, 'everything was typed as a person did, byte for byte')
  t.regex(played.console.since(0), /Kernel loaded\r\n/)
})

test('what the server already says is not added again, and confirmed as it is', async (t) => {
  await using played = await openCast(recording('dialogue'), { speed: 0, input: 'lenient' })
  await answer(played.console, talk('main', true, 'kexec_harness.entry=main'))
  t.true(played.console.since(0).includes('Append   : initrd=initramfs kexec_harness.entry=main\r\n'))
})

test('words that did not arrive are the console’s fault, and nothing is booted', async (t) => {
  await using played = await openCast(recording('dialogue'), { speed: 0, input: 'lenient' })
  const error = await t.throwsAsync(answer(played.console, talk('main', true, `${words} lost=1`)), {
    instanceOf: LabError,
  })
  t.regex(error!.message, /corrupts input: pxe-kexec shows ".*0123456789ab", without lost=1/)
})

test('an entry that is not there is asked for, so that pxe-kexec says so, and is then left', async (t) => {
  await using played = await openCast(recording('unknown-label'), { speed: 0 })
  await answer(played.console, talk('bogus', false, words))
  t.regex(await played.ended, /is over/)
  t.regex(played.console.since(0), /Entry bogus does not exist\.\r\n/)
})

test('what it said is its complaint, not its prompts and its progress', async (t) => {
  await using played = await openCast(recording('unknown-label'), { speed: 0, input: 'lenient' })
  await answer(played.console, talk('bogus', false, words))
  await played.ended
  const afterEcho = played.console.since(0).replaceAll('\r', '').split('\n').slice(1, -2).join('\n').trim()
  t.is(saidOf(afterEcho), 'Entry bogus does not exist.')
  t.is(saidOf('Trying pxelinux.cfg/default \nNo PXE configuration found.'), 'No PXE configuration found.')
})

test('scripted it gets the label and no question, else only the server, and nothing unquoted', (t) => {
  const choice = { server: '10.0.2.2', label: "it's", dialogue: false }
  t.is(pxeCommand(choice), String.raw`pxe-kexec -w -L -n -l 'it'\''s' '10.0.2.2'`)
  t.is(pxeCommand({ ...choice, dialogue: true }), `pxe-kexec -w -L '10.0.2.2'`)
})

test('a way of loading that it can’t be told is refused with the reason', (t) => {
  const { cannot } = pxeKexec({ server: '10.0.2.2', label: 'main', dialogue: false })
  const method = { syscall: 'kexec_load', checks: true, ifdown: true } as const
  t.is(cannot!(method), undefined)
  t.is(cannot!({ ...method, ifdown: false }), undefined)
  t.regex(cannot!({ ...method, checks: false })!, /no --no-checks/)
  t.regex(cannot!({ ...method, syscall: 'kexec_file_load' })!, /no kexec_file_load/)
})

test('without a server of the harness’s own it has to be told the nonce in a dialogue', async (t) => {
  const { load } = pxeKexec({ server: '192.0.2.1', label: 'main', dialogue: false })
  const target = { kernel: '/k', initramfs: null, append: words }
  const method = { syscall: 'kexec_load', checks: true, ifdown: true } as const
  await using played = await openCast(recording('unknown-label'), { speed: 0 })
  const error = await t.throwsAsync(load(new Shell(played.console), target, method, { timeoutMs: 30_000 }), {
    instanceOf: UsageError,
  })
  t.regex(error!.hint!, /dialogue: true/)
})
