import test from 'ava'
import { orderOf, planExperiment, type Reference } from './plan.ts'
import type { Condition } from './result.ts'

const reference: Reference = { syscall: 'kexec_load', checks: true, earlyConsole: true }

/** How many things two conditions differ in. */
function differences(one: Condition, other: Condition): number {
  const keys = ['syscall', 'checks', 'padMiB', 'earlyConsole', 'append', 'crash'] as const
  return keys.filter((key) => one[key] !== other[key]).length
}

test('each condition differs in one thing from the one that it names', (t) => {
  const { conditions, leftOut } = planExperiment(reference, {})
  t.deepEqual(leftOut, [])
  t.is(conditions.length, 13)
  t.is(new Set(conditions.map(({ name }) => name)).size, conditions.length)
  for (const one of conditions) {
    const from = conditions.find(({ name }) => name === one.from)
    if (one.name === 'reference') t.is(from, undefined)
    else t.is(differences(one, from!), 1, one.name)
  }
})

test('what a board can not do is left out with the reason, and the rest differs from what is left', (t) => {
  const { conditions, leftOut } = planExperiment(
    { ...reference, syscall: 'kexec_file_load' },
    { unchecked: 'the running kernel has no kexec_load', earlyConsole: 'it has none' },
  )
  t.true(conditions.every(({ checks }) => checks))
  t.false(
    conditions.some(({ name }) => name === 'file-load'),
    'it is the reference',
  )
  t.deepEqual(
    leftOut.map(({ differsIn, reason }) => `${differsIn}: ${reason}`),
    [
      'no digest (--no-checks): the running kernel has no kexec_load',
      'initramfs +16 MiB, no digest: the running kernel has no kexec_load',
      'initramfs +32 MiB, no digest: the running kernel has no kexec_load',
      'initramfs +64 MiB, no digest: the running kernel has no kexec_load',
      'no early console: it has none',
    ],
  )
  for (const one of conditions.slice(1))
    t.is(differences(one, conditions.find(({ name }) => name === one.from)!), 1, one.name)
})

test('each block has an order of its own, which comes again with the seed', (t) => {
  const names = Array.from({ length: 12 }, (_, index) => index)
  const orders = [1, 2, 3].map((block) => orderOf(names, 7, block))
  for (const order of orders)
    t.deepEqual(
      order.toSorted((one, other) => one - other),
      names,
    )
  t.is(new Set(orders.map(String)).size, 3)
  t.deepEqual(orderOf(names, 7, 2), orders[1])
  t.notDeepEqual(orderOf(names, 8, 2), orders[1])
})
