/** The lines that images/guest/harness-probe prints on the console, one a device. */
import type { DeviceState, RegisterValues } from './family.ts'

/** Longer than any line of the probe: a device has at most a dozen registers. */
const longestLine = 1024
const mostRegisters = 64

/** printk's stamp, which the line carries since it comes by /dev/kmsg; `[    T1]` is CONFIG_PRINTK_CALLER's. */
const start = /^(?:<\d{1,3}>)?(?:\[ *\d{1,8}\.\d{6}\](?:\[ *[TC]\d{1,10}\])? ?)?HARNESS PCI (.*)$/

const device =
  /^([\da-f]{4,8}:[\da-f]{2}:[01][\da-f]\.[0-7]) ([\da-f]{4}):([\da-f]{4}) ([\da-f]{6}) command=([\da-f]{4}) driver=(\S{1,64}) family=([a-z\d]{1,32})((?: \S+)*)$/

const register = /^([A-Za-z]\w{0,31})=(?:0x([\dA-Fa-f]{1,8})|-)$/

/**
 * One line of a console as the probe's; undefined where it is none, is damaged, or looks like the probe's without
 * being one.
 */
export function parseProbeLine(text: string): DeviceState | { end: number } | undefined {
  if (text.length > longestLine) return undefined
  const line = start.exec(text.trimEnd())?.[1]
  if (line === undefined) return undefined
  const end = /^END count=(\d{1,4})$/.exec(line)?.[1]
  return end === undefined ? parseDevice(line) : { end: Number(end) }
}

function parseDevice(line: string): DeviceState | undefined {
  const found = device.exec(line)
  if (found === null) return undefined
  const [, address, vendor, id, classCode, command, driver, family, rest] = found as unknown as string[]
  const registers = parseRegisters(rest!)
  if (registers === undefined) return undefined
  return {
    address: address!,
    vendor: Number.parseInt(vendor!, 16),
    device: Number.parseInt(id!, 16),
    classCode: Number.parseInt(classCode!, 16),
    command: Number.parseInt(command!, 16),
    family: family!,
    driver: driver === '-' ? null : driver!,
    registers,
  }
}

/** undefined where one of them is no register, or a name comes twice. */
function parseRegisters(text: string): RegisterValues | undefined {
  const words = text.split(' ').slice(1)
  if (words.length > mostRegisters) return undefined
  const values = new Map<string, number | null>()
  for (const word of words) {
    const [, name, value] = register.exec(word) ?? []
    if (name === undefined || values.has(name)) return undefined
    values.set(name, value === undefined ? null : Number.parseInt(value, 16))
  }
  return Object.fromEntries(values)
}
