import test from 'ava'
import { z } from 'zod'
import { durationText } from '../../duration.ts'
import { secretSource } from '../../secret.ts'
import { command, host, oneLine } from '../../values.ts'
import { answerOf, flowText, isAskable, type Kind, kindsOf } from './fields.ts'

const union = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('relay'),
      host: host.meta({ description: 'Where it is.' }),
      outlet: z.number().int().min(1),
      password: secretSource,
      run: command,
      lines: z.array(oneLine).optional(),
      version: z.enum(['1', '2c']).default('2c'),
      offDwell: durationText.default('5s'),
    })
    .meta({ description: 'A relay.' }),
  z.strictObject({ type: z.literal('page'), steps: z.array(z.strictObject({ click: oneLine })) }),
])

function kind(type: string): Kind {
  return kindsOf(union).find((one) => one.type === type)!
}

function answer(key: string, text: string) {
  return answerOf(kind('relay').fields.find((field) => field.key === key)!, text)
}

test('a section says of itself what it asks for', (t) => {
  t.like(kind('relay'), { description: 'A relay.' })
  const brief = kind('relay').fields.map(({ key, required, fallback }) => [key, required, fallback])
  t.deepEqual(brief, [
    ['host', true, undefined],
    ['outlet', true, undefined],
    ['password', true, undefined],
    ['run', true, undefined],
    ['lines', false, undefined],
    ['version', false, '2c'],
    ['offDwell', false, '5s'],
  ])
  t.is(kind('relay').fields[0]?.description, 'Where it is.')
  t.deepEqual(kind('relay').fields[5]?.choices, ['1', '2c'])
  t.true(isAskable(kind('relay')))
  t.false(isAskable(kind('page')), 'steps are written by hand')
})

test('an answer is read as what the schema takes', (t) => {
  t.deepEqual(answer('outlet', '3'), { value: 3 })
  t.deepEqual(answer('offDwell', '10s'), { value: '10s' })
  t.deepEqual(answer('version', '1'), { value: '1' })
  t.deepEqual(answer('password', 'JUNO_PASSWORD'), { value: { env: 'JUNO_PASSWORD' } })
  t.deepEqual(answer('password', 'file:/run/secrets/juno'), { value: { file: '/run/secrets/juno' } })
  t.deepEqual(answer('run', 'relay on 3'), { value: ['relay', 'on', '3'] })
  t.deepEqual(answer('run', "[relay, 'on', 'a b']"), { value: ['relay', 'on', 'a b'] })
  t.deepEqual(answer('lines', 'setenv a b; run c'), { value: ['setenv a b', 'run c'] })
})

test('an answer that is none says what is wanted, with an example', (t) => {
  t.deepEqual(answer('host', 'a b'), { wrong: "wants a host's name or address, such as rack1" })
  t.regex((answer('outlet', 'first') as { wrong: string }).wrong, /number/)
  t.deepEqual(answer('offDwell', 'long'), { wrong: 'wants a duration, such as 500ms' })
  t.regex((answer('version', '3') as { wrong: string }).wrong, /2c/)
})

test('values are written so that YAML reads the same', (t) => {
  t.is(flowText('/dev/ttyUSB0'), '/dev/ttyUSB0')
  t.is(flowText('juno# '), "'juno# '")
  t.is(flowText("it's"), "'it''s'")
  t.is(flowText('on'), 'on')
  t.is(flowText('true'), "'true'")
  t.is(flowText('3'), "'3'")
  t.is(flowText({ env: 'A', list: ['a: b', 2] }), "{ env: A, list: ['a: b', 2] }")
})
