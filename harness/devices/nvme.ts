import { bitFact, family, registerFact } from './family.ts'

const shutdownStates = ['normal operation', 'shutdown is going on', 'shutdown is complete', 'reserved']

/** NVMe controllers: CC and CSTS (NVMe 1.4, 3.1.5 and 3.1.6). */
export const nvme = family({
  name: 'nvme',
  match: ['????:????:010802'],
  registers: [
    { name: 'CC', bar: 0, offset: 0x14, width: 32 },
    { name: 'CSTS', bar: 0, offset: 0x1c, width: 32 },
  ],
  judge({ CC, CSTS }) {
    const enabled = (CC & 1) !== 0
    const ready = (CSTS & 1) !== 0
    const shutdown = (CSTS >>> 2) & 3
    return {
      // After a shutdown the controller stays enabled and ready, and fetches no command (7.6.2).
      running: enabled && ready && shutdown !== 2,
      waking: false,
      notReset: enabled,
      facts: [
        bitFact('CC', 'EN', 0, CC),
        `CSTS.RDY is ${Number(ready)}, CSTS.SHST is ${shutdown}, ${shutdownStates[shutdown]} (${registerFact('CSTS', CSTS)})`,
      ],
    }
  },
})
