import { bitFact, family, registerFact } from './family.ts'

const operational = { bar: 0, base: 'caplength' } as const

/** USB 3 host controllers: USBCMD, USBSTS and DCBAAP (xHCI 1.1, 5.4.1, 5.4.2, 5.4.6). */
export const xhci = family({
  name: 'xhci',
  match: ['????:????:0c0330'],
  registers: [
    { name: 'USBCMD', ...operational, offset: 0x00, width: 32 },
    { name: 'USBSTS', ...operational, offset: 0x04, width: 32 },
    { name: 'DCBAAP', ...operational, offset: 0x30, width: 32 },
  ],
  judge({ USBCMD, USBSTS, DCBAAP }) {
    const run = (USBCMD & 0x1) !== 0
    const halted = (USBSTS & 0x1) !== 0
    return {
      running: run || !halted,
      waking: false,
      notReset: run || !halted || DCBAAP !== 0,
      facts: [
        bitFact('USBCMD', 'RS', 0, USBCMD),
        bitFact('USBSTS', 'HCH', 0, USBSTS),
        ...(DCBAAP === 0 ? [] : [registerFact('DCBAAP', DCBAAP)]),
      ],
    }
  },
})
