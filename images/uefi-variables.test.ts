/** Stores are made by hand here; that kernels take the key from them is seen in suite `loader`. */
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { withCertificate } from './uefi-variables.ts'

/** A firmware volume of 4 KiB with an empty authenticated store, as EDK II's OVMF_VARS has it. */
function emptyStore(): Buffer {
  const store = Buffer.alloc(4096, 0xff)
  store.writeUInt16LE(72, 48)
  Buffer.from('782cf3aa7b949a43a1802e144ec37792', 'hex').copy(store, 72)
  return store
}

test('a certificate is the only signature of db, whose sizes count it', (t) => {
  const template = emptyStore()
  const before = Buffer.from(template)
  const certificate = Buffer.from('a certificate')
  const store = withCertificate(template, certificate)
  t.deepEqual(template, before)
  t.is(store.length, template.length)
  const variable = store.subarray(100)
  t.is(variable.readUInt16LE(0), 0x55aa)
  const [nameBytes, valueBytes] = [variable.readUInt32LE(36), variable.readUInt32LE(40)]
  t.is(variable.toString('utf16le', 60, 60 + nameBytes), 'db\0')
  const list = variable.subarray(60 + nameBytes, 60 + nameBytes + valueBytes)
  t.is(list.readUInt32LE(16), list.length)
  t.is(list.readUInt32LE(24), 16 + certificate.length)
  t.deepEqual(list.subarray(28 + 16), certificate)
  t.is(variable.readUInt16LE(60 + nameBytes + valueBytes), 0xffff)
})

test('what is no empty store is refused', (t) => {
  const refused = (file: Buffer) =>
    t.throws(() => withCertificate(file, Buffer.from('x')), { instanceOf: UsageError })!.message
  t.is(refused(Buffer.alloc(0)), 'the file is no store of UEFI variables')
  t.is(refused(Buffer.alloc(4096)), 'the file is no store of UEFI variables')
  t.is(refused(withCertificate(emptyStore(), Buffer.from('y'))), 'the store of UEFI variables is not empty')
})
