import test from 'ava'
import { didYouMean, nearest } from './nearest.ts'

const boards = ['juno', 'qemu-aarch64', 'qemu-x86_64']

test('a slip of the finger finds the word that was meant', (t) => {
  t.is(nearest('jnuo', boards), 'juno')
  t.is(nearest('QEMU-X86-64', boards), 'qemu-x86_64')
})

test('a part of a name finds the whole', (t) => t.is(nearest('aarch64', boards), 'qemu-aarch64'))

test('what resembles nothing suggests nothing', (t) => {
  t.is(nearest('raspberry', boards), undefined)
  t.is(nearest('', boards), undefined)
  t.is(nearest('j'.repeat(100_000), boards), undefined)
  t.is(didYouMean('raspberry', boards), '')
})
