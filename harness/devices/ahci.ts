import { bitFact, family, type Register, registerFact } from './family.ts'

const ports = [0, 1, 2, 3, 4, 5] as const
type PortRegister = `P${(typeof ports)[number]}CMD`

const commands = ports.map(
  (port): Register<PortRegister> => ({
    name: `P${port}CMD`,
    bar: 5,
    offset: 0x118 + 0x80 * port,
    width: 32,
  }),
)

/** PxCMD: ST, FRE, FR and CR (AHCI 1.3.1, 3.3.7). A port may reach memory while any of them is set. */
const engines = [
  ['ST', 0],
  ['FRE', 4],
  ['FR', 14],
  ['CR', 15],
] as const

/** SATA controllers with the AHCI interface, the first six ports (AHCI 1.3.1, 3.1.2 and 3.3.7). */
export const ahci = family({
  name: 'ahci',
  match: ['????:????:010601'],
  registers: [{ name: 'GHC', bar: 5, offset: 0x04, width: 32 }, ...commands],
  judge(values) {
    const set = commands.flatMap(({ name }) =>
      engines
        .filter(([, bit]) => (values[name] >>> bit) & 1)
        .map(([engine, bit]) => bitFact(name, engine, bit, values[name])),
    )
    const interrupts = (values.GHC & 0x2) !== 0
    return {
      running: set.length > 0,
      waking: false,
      notReset: set.length > 0 || interrupts,
      facts: [
        ...(set.length > 0 ? set : ['ST, FRE, FR and CR are 0 on every port']),
        ...(interrupts ? [bitFact('GHC', 'IE', 1, values.GHC)] : [registerFact('GHC', values.GHC)]),
      ],
    }
  },
})
