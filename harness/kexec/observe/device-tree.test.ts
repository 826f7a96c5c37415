import test from 'ava'
import { compareDeviceTrees, deviceTreeFindings } from './device-tree.ts'

const tree = (properties: Record<string, string>) =>
  new Map(Object.entries(properties).map(([path, value]) => [path, Buffer.from(value, 'latin1')]))

const first = {
  '/model': 'ARM Juno\0',
  '/memory@0/reg': '\0\0\0\x40',
  '/uart@0/status': 'okay\0',
  '/uart@0/local-mac-address': '\x01\x02\x03\x04\x05\x06',
  '/chosen/bootargs': 'a\0',
  '/chosen/linux,initrd-start': '\0\0\0\x01',
  '/chosen/stdout-path': '/uart@0\0',
}

test('a tree is like itself', (t) => t.deepEqual(compareDeviceTrees(tree(first), tree(first)), []))

test('what a kexec has to change is no difference', (t) => {
  const { '/chosen/linux,initrd-start': _, ...rest } = first
  const now = { ...rest, '/chosen/bootargs': 'b\0', '/chosen/linux,usable-memory-range': 'x' }
  t.deepEqual(compareDeviceTrees(tree(first), tree({ ...now, '/memory@0/linux,usable-memory': '' })), [])
})

test('differences are shown as dtc writes values', (t) => {
  const { '/uart@0/local-mac-address': _, ...rest } = first
  const now = {
    ...rest,
    '/memory@0/reg': '\0\0\0\x20',
    '/uart@0/status': 'disabled\0',
    '/uart@0/dma-coherent': '',
    '/chosen/stdout-path': '/uart@1\0',
  }
  t.deepEqual(compareDeviceTrees(tree(first), tree(now)), [
    '/chosen/stdout-path = "/uart@0" -> "/uart@1"',
    '/memory@0/reg = <00000040> -> <00000020>',
    '/uart@0/dma-coherent = (none) -> (empty)',
    '/uart@0/local-mac-address = [010203040506] -> (none)',
    '/uart@0/status = "okay" -> "disabled"',
  ])
})

test('a finding shows so many changes as a person reads', (t) => {
  const changes = Array.from({ length: 25 }, (_, index) => `/node@${index}/reg = <0> -> <1>`)
  const { id, severity, phase, evidence } = deviceTreeFindings(changes)[0]!
  t.deepEqual([id, severity, phase], ['device-tree-changed', 'warning', 'early'])
  t.is(evidence.length, 21)
  t.is(evidence.at(-1), 'and 5 more')
})

test('a tree that could not be read is no tree without properties', (t) => {
  t.deepEqual(compareDeviceTrees(tree(first), undefined), [
    'which properties differ is not known: the tree could not be read whole',
  ])
})
