/**
 * The packets of GDB's remote protocol: `$DATA#CC`, where CC is the sum of the data's bytes in two hex digits, and `+` or `-`
 * from the other side (GDB's manual, appendix E.1).
 */

/** What a stub sends: a packet (with the right sum or not), or its word on the last packet that it got. */
export type StubMessage = { packet: string; intact: boolean } | { acknowledged: boolean }

/** Longer than any answer that we ask for; memory is read in smaller pieces. */
const longestPacket = 64 * 1024

export function encodePacket(data: string): string {
  return `$${data}#${checksum(data)}`
}

/** Cuts what arrives into messages, however the bytes are split. Throws RangeError for a packet that never ends. */
export class PacketReader {
  #pending = ''

  push(chunk: Buffer): StubMessage[] {
    this.#pending += chunk.toString('latin1')
    const messages: StubMessage[] = []
    for (let message = this.#next(); message !== undefined; message = this.#next()) messages.push(message)
    if (this.#pending.length > longestPacket) throw new RangeError('a packet without an end')
    return messages
  }

  #next(): StubMessage | undefined {
    // Anything between packets that is no acknowledgement means nothing.
    const start = this.#pending.search(/[$+-]/)
    if (start === -1) {
      this.#pending = ''
      return undefined
    }
    this.#pending = this.#pending.slice(start)
    if (this.#pending[0] !== '$') return { acknowledged: this.#take(1) === '+' }
    const end = this.#pending.indexOf('#')
    if (end === -1 || this.#pending.length < end + 3) return undefined
    const text = this.#take(end + 3)
    const data = text.slice(1, end)
    return { packet: data, intact: text.slice(end + 1).toLowerCase() === checksum(data) }
  }

  #take(length: number): string {
    const taken = this.#pending.slice(0, length)
    this.#pending = this.#pending.slice(length)
    return taken
  }
}

/** Why and where the machine stopped. */
export type Stop = {
  /** As GDB counts them: 5 a breakpoint, 2 an interruption; the others are for a machine that stopped for good, or QEMU's end. */
  signal: number
  /** QEMU's number of the CPU that stopped; null where the stub does not say. */
  cpu: number | null
}

/** A stop reply (`T05thread:02;`), or undefined for any other packet. Threads are QEMU's CPUs, counted from 1. */
export function parseStop(packet: string): Stop | undefined {
  const [, signal, rest] = /^[STWX]([\da-f]{2})(.*)$/s.exec(packet) ?? []
  if (signal === undefined) return undefined
  const thread = /(?:^|;)thread:(?:p[\da-f]{1,8}\.)?([\da-f]{1,8})(?:;|$)/.exec(rest!)?.[1]
  return {
    signal: Number.parseInt(signal, 16),
    cpu: thread === undefined ? null : Number.parseInt(thread, 16) - 1,
  }
}

function checksum(data: string): string {
  let sum = 0
  for (const byte of Buffer.from(data, 'latin1')) sum = (sum + byte) & 0xff
  return sum.toString(16).padStart(2, '0')
}
