import test from 'ava'
import { visible, visibleLine } from './escape.ts'

test('what could act on a terminal is shown instead', (t) => {
  t.is(visible('\x1b[2J\0\x07\x7f\x9b31m'), '\\x1b[2J\\x00\\x07\\x7f\\x9b31m')
  t.is(visible('a\u202eb\u200b\u2028\ufeff'), 'a\\u202eb\\u200b\\u2028\\ufeff')
})

test('lone surrogates and what XML forbids are shown, whole pairs stay', (t) => {
  t.is(visible('\ud800 \udc00 \ufffe \u{1f600} é 日'), '\\ud800 \\udc00 \\ufffe \u{1f600} é 日')
})

test('several lines keep their newlines and tabs, one line shows them', (t) => {
  t.is(visible('a\r\nb\tc\rd'), 'a\nb\tc\\rd')
  t.is(visibleLine('a\r\nb\tc'), 'a\\r\\nb\\tc')
})

test('every UTF-16 unit comes out legal in XML 1.0', (t) => {
  for (let unit = 0; unit <= 0xffff; unit++)
    if (!/^[\t\n\x20-\ud7ff\ue000-\ufffd]*$/.test(visible(String.fromCharCode(unit))))
      t.fail(unit.toString(16))
  t.pass()
})

test('a long text is cut at either end, never through a character', (t) => {
  t.is(visible('abcdef', { maxLength: 3 }), 'abc… (3 more characters)')
  t.is(visible('abcdef', { maxLength: 3, keep: 'end' }), '… (3 more characters)def')
  t.is(visible('ab\u{1f600}', { maxLength: 3 }), 'ab… (1 more characters)')
  t.is(visible('\u{1f600}ab', { maxLength: 3, keep: 'end' }), '… (1 more characters)ab')
  t.is(visibleLine('x'.repeat(301)).length, 300 + '… (1 more characters)'.length)
})
