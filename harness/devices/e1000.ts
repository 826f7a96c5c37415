import { bitFact, family, registerFact } from './family.ts'

/**
 * Intel's gigabit network cards e1000, e1000e and igb, as QEMU has them. Their registers are at the same places: see
 * drivers/net/ethernet/intel/{e1000e,igb} in Linux, regs.h and e1000_regs.h, and defines.h for the bits.
 */
export const e1000 = family({
  name: 'e1000',
  match: ['8086:100?:020000', '8086:10d3:020000', '8086:10c9:020000'],
  registers: [
    { name: 'RCTL', bar: 0, offset: 0x100, width: 32 },
    { name: 'TCTL', bar: 0, offset: 0x400, width: 32 },
    { name: 'RDBAL', bar: 0, offset: 0x2800, width: 32 },
    { name: 'WUC', bar: 0, offset: 0x5800, width: 32 },
    { name: 'WUFC', bar: 0, offset: 0x5808, width: 32 },
  ],
  judge({ RCTL, TCTL, RDBAL, WUC, WUFC }) {
    const receiving = (RCTL & 0x2) !== 0
    const sending = (TCTL & 0x2) !== 0
    return {
      running: receiving || sending,
      // Filters are armed only by a driver that was asked for wake-up; the receiver has to run for them.
      waking: receiving && WUFC !== 0,
      notReset: receiving || sending || RDBAL !== 0,
      facts: [
        bitFact('RCTL', 'EN', 1, RCTL),
        bitFact('TCTL', 'EN', 1, TCTL),
        ...(RDBAL === 0 ? [] : [registerFact('RDBAL', RDBAL)]),
        ...(WUFC === 0 ? [] : [`${registerFact('WUFC', WUFC)}, ${registerFact('WUC', WUC)}`]),
      ],
    }
  },
})
