/** The power switches of a rig: one of each kind that its boards ask for, and how the harness reaches them. */
import { join } from 'node:path'
import { type Bench, host, type Section, settled, type Wired } from './consoles.ts'
import type { Outlets } from './outlet.ts'
import { ensurePdudaemon, pduName, startPdudaemon } from './pdudaemon.ts'
import { openPty } from './pty.ts'
import { silentPort } from './silence.ts'
import { SimulatedLcus } from './simulated-lcus.ts'
import { modbusUnit, startSimulatedModbus } from './simulated-modbus.ts'
import { startSimulatedWebPdu } from './simulated-web-pdu.ts'
import type { RigPower } from './spec.ts'

/** The section for the outlet of one board of a switch that all its boards share. */
type SectionOf = (wired: Wired) => Section
type Kind = RigPower['as']

/**
 * Starts the switches; returns each board's section of a descriptor, by the board's name.
 * Throws LabError (a program that can't be had, a daemon that does not start) or the signal's reason.
 */
export async function startSwitches(boards: Wired[], shared: Bench): Promise<Map<string, Section>> {
  const sections = new Map<string, Section>()
  const byKind = Map.groupBy(boards, ({ board }) => board.power.as)
  await settled(
    [...byKind].map(async ([kind, wired]) => {
      const answering = wired.filter(({ bench }) => !bench.hasFault('silent-relay'))
      const outlets = new Map(answering.map(({ outlet, bench }) => [outlet, bench]))
      const answers = answering.length > 0 ? await kinds[kind](outlets, shared) : undefined
      const silent = answering.length < wired.length ? await silentSwitch(kind, shared) : undefined
      for (const one of wired) {
        const sectionOf = one.bench.hasFault('silent-relay') ? silent : answers
        sections.set(one.board.name, { ...sectionOf?.(one), offDwell: one.board.power.offDwell })
      }
    }),
  )
  return sections
}

const kinds: Record<Kind, (outlets: Outlets, shared: Bench) => Promise<SectionOf>> = {
  pdudaemon: async (_outlets, { folder, power, resources, watch }) => {
    const program = await ensurePdudaemon(watch)
    const { daemon, port } = await startPdudaemon({ folder, program, power, signal: watch.signal })
    resources.use(daemon)
    return pdudaemonSection(port)
  },
  ipmi: async (_outlets, shared) => (wired) => ipmiSection(shared, wired.bmc!.port),
  'lcus-1': async (outlets, { folder, socat, resources, watch }) => {
    const path = join(folder, 'relays')
    for (const [card, some] of Map.groupBy(outlets, ([outlet]) => relayOf(outlet).card)) {
      const end = new SimulatedLcus(new Map(some.map(([outlet, bench]) => [relayOf(outlet).relay, bench])))
      const what = 'the simulated relay board'
      resources.use(await openPty({ path: `${path}-${card}`, what, socat, end, signal: watch.signal }))
    }
    return lcusSection(path)
  },
  web: async (outlets, { resources, user, password, passwordFile }) => {
    const pdu = resources.use(await startSimulatedWebPdu({ outlets, user, password }))
    return webSection(pdu.port, user, passwordFile)
  },
  modbus: async (outlets, { resources }) => {
    return modbusSection(resources.use(await startSimulatedModbus(outlets)).port)
  },
}

/** A switch of that kind that does not answer: hung where it is on the network, unplugged where it is on USB. */
async function silentSwitch(kind: Kind, shared: Bench): Promise<SectionOf> {
  if (kind === 'lcus-1') return lcusSection(join(shared.folder, 'relays-unplugged'))
  const { port } = shared.resources.use(await silentPort(kind === 'ipmi' ? 'udp' : 'tcp'))
  if (kind === 'pdudaemon') return pdudaemonSection(port)
  if (kind === 'ipmi') return () => ipmiSection(shared, port)
  return kind === 'web' ? webSection(port, shared.user, shared.passwordFile) : modbusSection(port)
}

function pdudaemonSection(port: number): SectionOf {
  return ({ outlet }) => ({
    ...{ type: 'pdudaemon', url: `http://${host}:${port}`, hostname: pduName },
    port: outlet,
  })
}

function ipmiSection({ user, passwordFile }: Bench, port: number): Section {
  return { type: 'ipmi', host, port, user, password: { file: passwordFile }, interface: 'lan' }
}

/** The largest of these relay boards has eight relays. */
function relayOf(outlet: number): { card: number; relay: number } {
  return { card: Math.ceil(outlet / 8), relay: ((outlet - 1) % 8) + 1 }
}

function lcusSection(path: string): SectionOf {
  return ({ outlet }) => {
    const { card, relay } = relayOf(outlet)
    return { type: 'lcus-1', path: `${path}-${card}`, relay }
  }
}

function modbusSection(port: number): SectionOf {
  return ({ outlet }) => ({ type: 'modbus', host, port, unit: modbusUnit, coil: outlet })
}

/** What a person would do on the page of simulated-web-pdu.ts. */
function webSection(port: number, user: string, passwordFile: string): SectionOf {
  return ({ outlet }) => {
    const row = `#outlet-${outlet}`
    const press = (name: 'On' | 'Off') => {
      const button = { role: 'button', name: `${name} outlet ${outlet}` }
      const asked = `Switch outlet ${outlet} ${name.toLowerCase()}?`
      return [
        { do: 'click', ...button, accept: asked },
        { do: 'expect', selector: `${row} .state-${name.toLowerCase()}` },
      ]
    }
    return {
      type: 'web',
      url: `http://${host}:${port}/`,
      login: [
        { do: 'fill', label: 'User', value: user },
        { do: 'fill', label: 'Password', secret: { file: passwordFile } },
        { do: 'click', role: 'button', name: 'Log in' },
        { do: 'expect', selector: row },
      ],
      on: press('On'),
      off: press('Off'),
      state: { selector: `${row} .state`, on: 'On', off: 'Off' },
    }
  }
}
