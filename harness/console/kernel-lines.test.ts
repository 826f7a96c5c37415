import test from 'ava'
import { parseKernelLine, withoutKernelMessages } from './kernel-lines.ts'

test('a stamped line is taken apart', (t) => {
  t.deepEqual(parseKernelLine('[   12.345678] Bye!'), { seconds: 12.345678, message: 'Bye!' })
  t.deepEqual(parseKernelLine('[    0.000000][    T0] Linux version 6.1'), {
    seconds: 0,
    message: 'Linux version 6.1',
  })
  t.is(parseKernelLine('# ls [1.5]'), undefined)
})

test('a kernel message in the middle of a token is taken out, and positions lead back', (t) => {
  const text = 'E0q1[   12.345678] usb 1-1: reset\r\n42z'
  const filtered = withoutKernelMessages(text)
  t.is(filtered.text, 'E0q142z')
  t.is(text[filtered.originalIndex(filtered.text.indexOf('4'))], '4')
  t.is(filtered.originalIndex(6), text.length - 1)
})

test('a message that has not ended yet is left in', (t) => {
  t.is(withoutKernelMessages('E0[   12.345678] usb').text, 'E0[   12.345678] usb')
})
