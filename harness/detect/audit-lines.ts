/**
 * What the old kernel says of its shutdown once images/guest/harness-audit was run: device_shutdown()'s own messages
 * (initcall_debug; drivers/base/core.c), and events that tp_printk puts on the console. Those carry printk's stamp and
 * what the event fetches, no CPU and no process.
 */

/** One line that tells something of the shutdown. */
export type AuditLine = {
  /** The stamp: seconds since the kernel's start. null where the console spoilt it. */
  seconds: number | null
} & AuditStep

type AuditStep =
  | { kind: 'start' }
  /** A device that has a driver comes next. `pointer` is the one that shutdown() is called by. */
  | { kind: 'driver'; device: string; driver: string; hasShutdown: boolean | null; pointer: string }
  /** A device's shutdown begins. `name` is its driver's or, without one, its bus's. */
  | { kind: 'shutdown'; device: string; name: string }
  /** The last device's shutdown is over. */
  | { kind: 'done' }
  /** A reschedule IPI; `online` and `idle` say of its target what the kernel's masks said then, null where unknown. */
  | { kind: 'ipi'; source: number; target: number; online: boolean | null; idle: boolean | null }
  /** The kernel itself says that an IPI goes to an offline CPU. Source: native_smp_send_reschedule(), arch/x86. */
  | { kind: 'offline-warning'; target: number }

/** Also behind a prompt that was left on the line. A serial line can double a digit. */
const stamped = /\[ *(\d{1,8}\.\d{1,9})\](?:\[ *[TC]\d{1,10}\])? ?(.*)$/
/** print_kprobe_event() in kernel/trace/trace_kprobe.c: the event, the function, then NAME=VALUE. */
const event = /^kexec_([a-z]+)(\d{0,4})(?:_(\w{1,30}))?: \((.*)$/
const field = /(\w{1,20})=(?:"([^"]{0,80})"|(\S{1,40}))/g
const warning = /^sched: Unexpected reschedule of offline CPU#(\d{1,4})!/
/** kernel/kexec_core.c, from which on no device is shut down any more. */
const lastLine = /^kexec(?:_core)?: Starting new kernel$/
const shutdownEnd = ': shutdown'
/** Nothing that the audit makes is longer. */
const maxLength = 500
/** A CPU's bit in the first word of a mask. */
const wordBits = 64

/** Takes a console line apart; undefined for one that tells nothing of the shutdown. */
export function parseAuditLine(text: string): AuditLine | undefined {
  const [, stamp, message] = stamped.exec(text.slice(0, maxLength)) ?? []
  if (message === undefined) return undefined
  const step = eventStep(message) ?? messageStep(message)
  // A stamp has six decimals; one with more or fewer is not to be trusted.
  return step && { seconds: /\.\d{6}$/.test(stamp!) ? Number(stamp) : null, ...step }
}

function messageStep(message: string): AuditStep | undefined {
  if (lastLine.test(message)) return { kind: 'done' }
  const target = warning.exec(message)?.[1]
  if (target !== undefined) return { kind: 'offline-warning', target: Number(target) }
  if (!message.endsWith(shutdownEnd)) return undefined
  // Drivers' names have spaces, devices' don't.
  const names = message.slice(0, -shutdownEnd.length)
  const space = names.lastIndexOf(' ')
  if (space < 1) return undefined
  return { kind: 'shutdown', name: names.slice(0, space).trim(), device: names.slice(space + 1) }
}

function eventStep(message: string): AuditStep | undefined {
  const [, kind, cpu, detail, rest] = event.exec(message) ?? []
  if (rest === undefined) return undefined
  const fields = new Map([...rest.matchAll(field)].map(([, name, text, plain]) => [name, text ?? plain]))
  if (kind === 'start') return { kind }
  if (kind === 'devices' && detail === 'done') return { kind: 'done' }
  if (kind === 'driver') return driverStep(fields, detail)
  return kind === 'ipi' && cpu ? ipiStep(fields, Number(cpu)) : undefined
}

type Fields = Map<string | undefined, string | undefined>

/** `own` names the bus where the event fetched the shutdown() of the bus's own driver structure. */
function driverStep(fields: Fields, own: string | undefined): AuditStep | undefined {
  const device = fields.get('device')
  const driver = fields.get('driver')
  if (device === undefined || driver === undefined) return undefined
  const isSet = number(fields.get('shutdown'))
  const named = isSet === null ? null : isSet !== 0n
  if (own !== undefined)
    return { kind: 'driver', device, driver, hasShutdown: named, pointer: `${own}_driver.shutdown` }
  // A device without a bus, such as a USB port, whose bus then can't be read.
  const byBus = fields.get('bus') === '(fault)' ? 0n : number(fields.get('bus_shutdown'))
  // virtio_dev_shutdown() resets the device itself; what other buses do is not known.
  const hasShutdown = byBus === 0n ? named : byBus !== null && fields.get('bus') === 'virtio' ? true : null
  return { kind: 'driver', device, driver, hasShutdown, pointer: 'device_driver.shutdown' }
}

function ipiStep(fields: Fields, source: number): AuditStep | undefined {
  const target = Number(fields.get('target') ?? Number.NaN)
  if (!Number.isSafeInteger(target) || target < 0) return undefined
  return {
    kind: 'ipi',
    source,
    target,
    online: isIn(number(fields.get('online')), target),
    idle: isIn(number(fields.get('idle')), target),
  }
}

function isIn(mask: bigint | null, cpu: number): boolean | null {
  return mask === null || cpu >= wordBits ? null : ((mask >> BigInt(cpu)) & 1n) === 1n
}

/** A fetched value; null where there is none, or the kernel could not read it: `(fault)`. */
function number(text: string | undefined): bigint | null {
  return text !== undefined && /^0x[0-9a-f]{1,16}$/.test(text) ? BigInt(text) : null
}
