import test from 'ava'
import { parseBindings } from './bindings.ts'

const listing = [
  'lrwxrwxrwx    1 root     root             0 Nov 21 10:00 /sys/bus/pci/devices/0000:00:02.0/driver -> ../../../bus/pci/drivers/virtio-pci',
  'lrwxrwxrwx    1 root     root             0 Nov 21 10:00 /sys/bus/pci/devices/0000:00:04.0/driver -> ../../../bus/pci/drivers/e1000e',
  'lrwxrwxrwx    1 root     root             0 Nov 21 10:00 /sys/bus/pci/devices/0000:00:02.0/virtio0/driver -> ../../../../bus/virtio/drivers/virtio_blk',
].join('\r\n')

test('a device is known by its own driver and by that of the bus behind it', (t) => {
  t.deepEqual(parseBindings(listing), [
    { device: '0000:00:02.0', driver: 'virtio-pci', inner: ['virtio_blk'] },
    { device: '0000:00:04.0', driver: 'e1000e', inner: [] },
  ])
})

test('what is no listing is no binding', (t) => {
  t.deepEqual(parseBindings('ls: /sys/bus/pci: No such file or directory\n\0\x1b[31m'), [])
})
