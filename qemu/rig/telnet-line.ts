/**
 * A serial line that ser2net or ipmi_sim connects to by telnet with RFC 2217, as to a serial port that is elsewhere
 * on the network. Unlike a PTY it carries a BREAK.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Line, type LineEnd, waitingBytes } from './line.ts'

/** RFC 854, "NVT and TELNET control": the bytes after IAC. */
const iac = 255
const commands = { se: 240, brk: 243, sb: 250, will: 251, wont: 252, do: 253, dont: 254 } as const
/** RFC 856, 858 and 2217. */
const options = { binary: 0, suppressGoAhead: 3, comPort: 44 } as const
const known: readonly number[] = Object.values(options)
/** RFC 2217: SET-CONTROL, its values for BREAK, and what an answer's command is higher by. */
const comPort = { setControl: 5, breakOn: 5, answer: 100 } as const

/** Where to listen: a Unix socket's path, or a port of the loopback that the kernel chooses. */
type Place = { path: string } | 'loopback'

/** Listens for the daemon that will lead the line on. Only one is served at a time: the newest. */
export async function openTelnetLine(place: Place, end: LineEnd): Promise<TelnetLine> {
  const line = new TelnetLine(end)
  await line.listen(place)
  return line
}

export class TelnetLine implements Line {
  readonly #end: LineEnd
  readonly #server: Server
  #socket: Socket | undefined

  constructor(end: LineEnd) {
    this.#end = end
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(place: Place): Promise<void> {
    if (place === 'loopback') this.#server.listen(0, '127.0.0.1')
    else this.#server.listen(place.path)
    await once(this.#server, 'listening')
  }

  /** The TCP port, where it listens on one. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  say(bytes: Buffer): void {
    const socket = this.#socket
    if (socket?.writable && socket.writableLength < waitingBytes) socket.write(escapeIac(bytes))
  }

  #serve(socket: Socket): void {
    this.#socket?.destroy()
    this.#socket = socket
    socket.setNoDelay(true)
    const decoder = new TelnetDecoder()
    socket.on('data', (chunk: Buffer) => {
      const { data, answer, breaks } = decoder.push(chunk)
      if (answer.length > 0) socket.write(answer)
      for (let count = 0; count < breaks; count++) this.#end.broken()
      if (data.length > 0) this.#end.typed(data)
    })
    socket.on('error', () => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

function escapeIac(bytes: Buffer): Buffer {
  if (!bytes.includes(iac)) return bytes
  return Buffer.from([...bytes].flatMap((byte) => (byte === iac ? [iac, iac] : [byte])))
}

/** What a piece of telnet held: the bytes typed, what is to be answered, how many BREAKs began. */
type Decoded = { data: Buffer; answer: Buffer; breaks: number }

/** Takes telnet apart, whatever pieces it comes in. Binary is agreed to, so that a CR stays alone. */
export class TelnetDecoder {
  #rest = Buffer.alloc(0)

  push(chunk: Buffer): Decoded {
    const bytes = Buffer.concat([this.#rest, chunk])
    const data: number[] = []
    const answer: number[] = []
    let breaks = 0
    let at = 0
    while (at < bytes.length) {
      if (bytes[at] !== iac) {
        data.push(bytes[at++]!)
        continue
      }
      const length = commandLength(bytes, at)
      if (length === undefined) break
      const command = bytes.subarray(at, at + length)
      at += length
      if (command[1] === iac) data.push(iac)
      if (isBreak(command)) breaks++
      answer.push(...answerTo(command))
    }
    this.#rest = Buffer.from(bytes.subarray(at))
    return { data: Buffer.from(data), answer: Buffer.from(answer), breaks }
  }
}

/** Undefined while it is not all there. */
function commandLength(bytes: Buffer, at: number): number | undefined {
  const command = bytes[at + 1]
  if (command === undefined) return undefined
  if (command === commands.sb) {
    const end = bytes.indexOf(Buffer.from([iac, commands.se]), at + 2)
    return end === -1 ? undefined : end + 2 - at
  }
  const length = command >= commands.will && command <= commands.dont ? 3 : 2
  return bytes.length < at + length ? undefined : length
}

function isBreak(command: Buffer): boolean {
  if (command[1] === commands.brk) return true
  const [, sb, option, request, value] = command
  return (
    sb === commands.sb &&
    option === options.comPort &&
    request === comPort.setControl &&
    value === comPort.breakOn
  )
}

/** Known options are agreed to; a setting of the port is confirmed as it was asked for. */
function answerTo(command: Buffer): number[] {
  const [, verb, option, request] = command
  if (verb === commands.will) return [iac, known.includes(option!) ? commands.do : commands.dont, option!]
  if (verb === commands.do) {
    const agreed = known.includes(option!) && option !== options.comPort
    return [iac, agreed ? commands.will : commands.wont, option!]
  }
  if (verb === commands.sb && option === options.comPort && request! < comPort.answer) {
    const answer = [...command]
    answer[3] = request! + comPort.answer
    return answer
  }
  return []
}
