import { bitFact, family, registerFact } from './family.ts'

const common = { bar: 0, base: 'virtio-common' } as const

/** virtio over PCI; the common configuration structure is in virtio 1.1, 4.1.4.3, the status bits in 2.1. */
export const virtio = family({
  name: 'virtio',
  match: ['1af4:10[0-7]?:??????'],
  registers: [
    { name: 'device_status', ...common, offset: 0x14, width: 8 },
    { name: 'queue_enable', ...common, offset: 0x1c, width: 16 },
    { name: 'queue_desc_lo', ...common, offset: 0x20, width: 32 },
    { name: 'queue_desc_hi', ...common, offset: 0x24, width: 32 },
  ],
  judge({ device_status, queue_enable, queue_desc_lo, queue_desc_hi }) {
    // QEMU takes DRIVER_OK back when bus mastering is switched off, and leaves the rest (virtio_write_config).
    const running = (device_status & 0x4) !== 0
    const addresses = queue_desc_lo !== 0 || queue_desc_hi !== 0
    return {
      running,
      waking: false,
      notReset: device_status !== 0 || addresses,
      facts: [
        bitFact('device_status', 'DRIVER_OK', 2, device_status),
        ...(queue_enable === 0 ? [] : [registerFact('queue_enable', queue_enable)]),
        ...(addresses
          ? [registerFact('queue_desc_hi', queue_desc_hi), registerFact('queue_desc_lo', queue_desc_lo)]
          : []),
      ],
    }
  },
})
