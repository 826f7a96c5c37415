import test from 'ava'
import { Redactor, redactText } from './redact.ts'

/** What comes of a text that arrives in pieces of these lengths, and then ends. */
function inPieces(text: string, lengths: number[], secrets: string[]): string {
  const redactor = new Redactor(secrets)
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  let start = 0
  for (const length of lengths) {
    out.push(redactor.push(bytes.subarray(start, start + length)))
    start += length
  }
  return Buffer.concat([...out, redactor.push(bytes.subarray(start)), redactor.flush()]).toString()
}

test('a secret becomes asterisks, as many as it has bytes', (t) => {
  t.is(redactText('login: root / hunter2 hünter2', ['hunter2', 'hünter2']), 'login: root / ******* ********')
})

test('where no secret is given, or only an empty one, bytes pass as they are', (t) => {
  const chunk = Buffer.from('hunter2')
  t.is(new Redactor([]).push(chunk), chunk)
  t.is(new Redactor(['']).push(chunk), chunk)
})

test('only what may be the beginning of a secret is held back, and only until it is decided', (t) => {
  const redactor = new Redactor(['hunter2'])
  t.is(redactor.push(Buffer.from('Password: hunt')).toString(), 'Password: ')
  t.is(redactor.push(Buffer.from('ing')).toString(), 'hunting')
  t.is(redactor.push(Buffer.from('hunter')).toString(), '')
  t.is(redactor.push(Buffer.from('2\n')).toString(), '*******\n')
  t.is(redactor.push(Buffer.from('# h')).toString(), '# ')
  t.is(redactor.flush().toString(), 'h')
})

test('wherever the chunks are cut, the same comes out, also of secrets that overlap', (t) => {
  const secrets = ['abcab', 'bca', 'aa', 'abcabX']
  const text = 'abcabcab-xabcabX-aaa-bc-ab-abcab'
  const whole = '********-x******-***-bc-ab-*****'
  for (let first = 0; first <= text.length; first++)
    for (let second = 0; second <= text.length - first; second++)
      t.is(inPieces(text, [first, second], secrets), whole, `cut at ${first} and ${first + second}`)
  t.is(
    inPieces(
      text,
      [...text].map(() => 1),
      secrets,
    ),
    whole,
  )
})
