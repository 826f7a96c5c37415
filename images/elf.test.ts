import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { elfArch, isElf, readElf, readSection } from './elf.ts'
import { makeModule, makeProgram } from './fixtures.ts'

test('a program tells its interpreter and the libraries that it needs', (t) => {
  const bytes = makeProgram({ machine: 183, interpreter: '/lib/ld.so.1', needed: ['libz.so.1', 'libc.so.6'] })
  t.deepEqual(readElf(bytes, 'kexec'), {
    arch: 'arm64',
    interpreter: '/lib/ld.so.1',
    soname: null,
    needed: ['libz.so.1', 'libc.so.6'],
  })
})

test('a static program needs nothing', (t) => {
  const { needed, interpreter } = readElf(makeProgram({ machine: 62 }), 'busybox')
  t.deepEqual(needed, [])
  t.is(interpreter, null)
})

test('this very Node is an ELF program that needs the C library', async (t) => {
  const { readFile } = await import('node:fs/promises')
  const { needed, arch } = readElf(await readFile(process.execPath), 'node')
  t.true(needed.some((name) => name.startsWith('libc.so')))
  t.is(arch, process.arch === 'x64' ? 'x86_64' : 'arm64')
})

test('a section is found by its name', (t) => {
  const bytes = makeModule('license=GPL\0depends=virtio,virtio_ring\0')
  t.is(readSection(bytes, '.modinfo', 'm.ko')?.toString(), 'license=GPL\0depends=virtio,virtio_ring\0')
  t.is(readSection(bytes, '.nothing', 'm.ko'), undefined)
})

test('a file cut off anywhere is refused by name, or read without a crash', (t) => {
  const bytes = makeProgram({ machine: 62, interpreter: '/lib/ld.so', needed: ['libc.so.6'] })
  let refused = 0
  for (let length = 0; length < bytes.length; length++) {
    try {
      readElf(bytes.subarray(0, length), 'cut')
    } catch (error) {
      t.true(error instanceof UsageError, String(error))
      refused++
    }
  }
  t.true(refused > 64)
})

test('text is no ELF file', (t) => {
  t.false(isElf(Buffer.from('#!/bin/sh\necho hello, world\n')))
  t.throws(() => readElf(Buffer.from('#!/bin/sh\n'.repeat(10)), 'script'), {
    instanceOf: UsageError,
    message: 'script: is not an ELF file',
  })
})

test('POWER is told by the order of its bytes too', (t) => {
  const little = makeProgram({ machine: 21 })
  t.is(elfArch(little), 'ppc64le')
  const big = Buffer.from(little)
  big[5] = 2
  big.writeUInt16BE(21, 18)
  t.is(elfArch(big), 'ppc64')
})

test('a machine without a name is still told', (t) => {
  t.is(elfArch(makeProgram({ machine: 999 })), 'machine 999')
})
