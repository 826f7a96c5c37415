/** Network PDUs that SNMP switches: where their outlets are. Data; each with its source. */

/** A column of a table of outlets: the outlet's number follows `oid`. */
export type OutletColumn = { oid: string; on: number; off: number }
/** `state` is where the outlet's state is read; absent: where it is written. */
export type PduOutlets = OutletColumn & { state?: OutletColumn }

export const pdus = {
  // rPDUOutletControlOutletCommand of PowerNet-MIB: immediateOn(1), immediateOff(2); reading it gives the outlet's state.
  // Used so by labgrid/driver/power/apc.py, tested there with an AP8953.
  apc: { oid: '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4', on: 1, off: 2 },
  // sPDUOutletCtl of PowerNet-MIB: outletOn(1), outletOff(2); networkupstools' drivers/apc-pdu-mib.c reads the state there.
  'apc-masterswitch': { oid: '1.3.6.1.4.1.318.1.1.4.4.2.1.3', on: 1, off: 2 },
  // switchingOperation and outletSwitchingState (on(7), off(8)) of PDU2-MIB; networkupstools' drivers/raritan-px2-mib.c.
  raritan: {
    oid: '1.3.6.1.4.1.13742.6.4.1.2.1.2.1',
    on: 1,
    off: 0,
    state: { oid: '1.3.6.1.4.1.13742.6.4.1.2.1.3.1', on: 7, off: 8 },
  },
} as const satisfies Record<string, PduOutlets>
