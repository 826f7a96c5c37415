/** Console and power out of a place's resources, as `labgrid-client env` and `show` tell of them. */
import { parse } from 'yaml'
import { z } from 'zod'
import { LabError } from '../../errors.ts'

/** How to reach a place's console: an entry of consoleTypes. */
export type PlaceConsole =
  | { type: 'telnet'; host: string; port: number; baud: number; rfc2217: true }
  | { type: 'tcp'; host: string; port: number }
  | { type: 'command'; command: [string, ...string[]] }

const serialPort = z.object({
  name: z.string().optional(),
  host: z.string(),
  /** null until the exporter has started what serves it. */
  port: z.number().nullable(),
  speed: z.number().default(115_200),
  protocol: z.enum(['rfc2217', 'raw']).default('rfc2217'),
})
type SerialPort = z.infer<typeof serialPort>

const environment = z.object({
  targets: z.record(
    z.string(),
    z.object({ resources: z.array(z.record(z.string(), z.record(z.string(), z.unknown()))).default([]) }),
  ),
})

/** What `labgrid-client power` can switch (labgrid/remote/client.py, power()). */
const powerClasses = new Set([
  'NetworkPowerPort',
  'PDUDaemonPort',
  'TasmotaPowerPort',
  'NetworkUSBPowerPort',
  'NetworkSiSPMPowerPort',
  'NetworkYKUSHPowerPort',
  'NetworkSysfsGPIO',
])

export type Resource = { cls: string; name: string; parameters: Record<string, unknown> }

/** Resources of an acquired place, from the YAML of `labgrid-client -p PLACE env`. Throws LabError. */
export function parseResources(place: string, yaml: string): Resource[] {
  const read = environment.safeParse(parse(yaml))
  if (!read.success) throw new LabError(`labgrid says of the place ${place} what the harness can't read`)
  return Object.values(read.data.targets).flatMap(({ resources }) =>
    resources.flatMap((one) =>
      Object.entries(one).map(([cls, parameters]) => ({
        cls,
        name: typeof parameters.name === 'string' ? parameters.name : cls,
        parameters,
      })),
    ),
  )
}

/** Names of resources that only labgrid's own SSH tunnel reaches (an exporter in isolated mode), from `show`. */
export function proxiedResources(shown: string): Set<string> {
  const blocks = shown.split(/^(?=(?:Acquired|Matching) resource ')/m).slice(1)
  const proxied = blocks.filter((block) => /'proxy_required': True/.test(block))
  return new Set(proxied.map((block) => /'(.+?)' \(/.exec(block)?.[1] ?? ''))
}

/** The resource that the board uses; several are told apart by the name that the place's match gives them. */
function pick(place: string, found: readonly Resource[], role: 'console' | 'power'): Resource | undefined {
  const named = found.find(({ name }) => name === role)
  if (found.length <= 1 || named) return named ?? found[0]
  const names = found.map(({ name }) => name).join(', ')
  throw new LabError(`the labgrid place ${place} has several resources that could be its ${role}: ${names}`, {
    hint: `Call one of them ${role}: labgrid-client -p ${place} add-named-match EXPORTER/GROUP/CLASS/NAME ${role}`,
  })
}

/** The place's serial port where it has one. Throws LabError: there are several, or it is of an unknown kind. */
export function serialPortOf(
  place: string,
  resources: readonly Resource[],
): (SerialPort & { resource: string }) | undefined {
  const ports = resources.filter(({ cls }) => cls === 'NetworkSerialPort')
  const port = pick(place, ports, 'console')
  if (port === undefined) return undefined
  const read = serialPort.safeParse(port.parameters)
  if (read.success) return { ...read.data, resource: port.name }
  throw new LabError(`the labgrid place ${place} has a serial port of a kind that is not known here`, {
    hint: `See it with: labgrid-client -p ${place} show`,
  })
}

/** The transport for a serial port that is served; `command` is what labgrid-client reaches it with. */
export function consoleOf(
  { host, port, speed, protocol, resource }: SerialPort & { resource: string },
  proxied: ReadonlySet<string>,
  command: (...args: string[]) => [string, ...string[]],
): PlaceConsole | undefined {
  if (port === null) return undefined
  if (proxied.has(resource)) return { type: 'command', command: command('console', `--name=${resource}`) }
  return protocol === 'raw'
    ? { type: 'tcp', host, port }
    : { type: 'telnet', host, port, baud: speed, rfc2217: true }
}

/** The name of the resource that switches the place's power; null where the one that it has needs none. */
export function powerNameOf(place: string, resources: readonly Resource[]): string | null | undefined {
  const switches = resources.filter(({ cls }) => powerClasses.has(cls))
  const power = pick(place, switches, 'power')
  if (power === undefined) return undefined
  return switches.length > 1 ? power.name : null
}
