import { bitFact, family, registerFact } from './family.ts'

/** QEMU's device for education, docs/specs/edu.txt; the names are ours, since the document has none. */
export const edu = family({
  name: 'edu',
  match: ['1234:11e8:??????'],
  registers: [
    { name: 'status', bar: 0, offset: 0x20, width: 32 },
    { name: 'irq_status', bar: 0, offset: 0x24, width: 32 },
    { name: 'dma_command', bar: 0, offset: 0x98, width: 32 },
  ],
  judge({ status, irq_status, dma_command }) {
    const transferring = (dma_command & 0x1) !== 0
    // It computes, and will raise an interrupt when it is done.
    const computing = (status & 0x81) === 0x81
    return {
      running: transferring || irq_status !== 0 || computing,
      waking: false,
      notReset: transferring || irq_status !== 0 || (status & 0x80) !== 0,
      facts: [
        bitFact('dma_command', 'run', 0, dma_command),
        ...(irq_status === 0 ? [] : [`an interrupt is pending (${registerFact('irq_status', irq_status)})`]),
        ...(status === 0 ? [] : [registerFact('status', status)]),
      ],
    }
  },
})
