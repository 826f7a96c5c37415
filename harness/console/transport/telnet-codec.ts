/** Telnet (RFC 854) with what a console server needs: 8-bit data and the serial port's settings (RFC 2217). */

const iac = 255
/** RFC 854, "TELNET command structure". */
const command = { se: 240, break: 243, sb: 250, will: 251, wont: 252, do: 253, dont: 254 } as const
/** RFC 856, 857, 858, 2217. */
const option = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const
/** RFC 2217, section 3. */
const comPort = {
  setBaudRate: 1,
  setDataSize: 2,
  setParity: 3,
  setStopSize: 4,
  setControl: 5,
  answer: 100,
  noParity: 1,
  noFlowControl: 1,
  breakOn: 5,
  breakOff: 6,
} as const
const carriageReturn = 0x0d
/** A sub-negotiation longer than this is none. */
const maxSubnegotiation = 512

type Option = 'asked' | 'on' | 'refused'
type State = 'data' | 'iac' | 'option' | 'sub' | 'sub-iac'

export type TelnetOptions = {
  /** Sends bytes to the other end as they are. */
  send: (bytes: Buffer) => void
  /** Asks for RFC 2217. */
  comPort: boolean
  /** The speed to set; without it, the server's own setting stays. */
  baud?: number
}

/**
 * One end of a telnet connection. Options are asked for once and never waited for: there are console servers that
 * answer none. What they do not agree to stays as RFC 854 has it.
 */
export class TelnetCodec {
  readonly #options: TelnetOptions
  /** Options of this end, and of the other one. */
  readonly #ours = new Map<number, Option>()
  readonly #theirs = new Map<number, Option>()
  #state: State = 'data'
  #verb = 0
  #sub: number[] = []
  #afterReturn = false
  #answeredBaud: number | undefined

  constructor(options: TelnetOptions) {
    this.#options = options
  }

  /** Asks for what is wanted. */
  start(): void {
    this.#ask(this.#ours, command.will, option.binary)
    this.#ask(this.#theirs, command.do, option.binary)
    this.#ask(this.#theirs, command.do, option.suppressGoAhead)
    if (this.#options.comPort) this.#ask(this.#ours, command.will, option.comPort)
  }

  /** The speed that the server says it has set, where it says so. */
  get answeredBaud(): number | undefined {
    return this.#answeredBaud
  }

  /** The data in a chunk; commands are answered. */
  decode(chunk: Buffer): Buffer {
    if (this.#state === 'data' && !chunk.includes(iac) && this.#theirs.get(option.binary) === 'on')
      return chunk
    const out = Buffer.allocUnsafe(chunk.length)
    let length = 0
    for (const byte of chunk) {
      if (this.#state === 'data' && byte !== iac) {
        // In text, a carriage return that is no line end is followed by NUL (RFC 854).
        if (byte !== 0 || !this.#afterReturn) out[length++] = byte
        this.#afterReturn = byte === carriageReturn && this.#theirs.get(option.binary) !== 'on'
      } else if (this.#command(byte)) out[length++] = iac
    }
    return out.subarray(0, length)
  }

  /** Data as it goes over the line. */
  encode(bytes: Buffer): Buffer {
    const text = this.#ours.get(option.binary) === 'refused'
    if (!(bytes.includes(iac) || (text && bytes.includes(carriageReturn)))) return bytes
    const out: number[] = []
    for (const byte of bytes) {
      out.push(byte)
      if (byte === iac) out.push(iac)
      if (byte === carriageReturn && text) out.push(0)
    }
    return Buffer.from(out)
  }

  /** What begins and what ends a BREAK; without RFC 2217, the server knows how long it is. */
  get breakCommands(): Buffer[] {
    if (this.#ours.get(option.comPort) !== 'on') return [Buffer.from([iac, command.break])]
    return [
      subnegotiation([comPort.setControl, comPort.breakOn]),
      subnegotiation([comPort.setControl, comPort.breakOff]),
    ]
  }

  /** Takes a byte of a command. True: it was an escaped 255, which is data. */
  #command(byte: number): boolean {
    switch (this.#state) {
      case 'data':
        this.#state = 'iac'
        return false
      case 'iac':
        return this.#afterIac(byte)
      case 'option':
        this.#state = 'data'
        this.#negotiate(this.#verb, byte)
        return false
      case 'sub':
        if (byte === iac) this.#state = 'sub-iac'
        else this.#collect(byte)
        return false
      case 'sub-iac':
        this.#state = byte === iac ? 'sub' : 'data'
        if (byte === iac) this.#collect(iac)
        else if (byte === command.se) this.#subnegotiated()
        return false
    }
  }

  #afterIac(byte: number): boolean {
    this.#state = 'data'
    if (byte === iac) {
      this.#afterReturn = false
      return true
    }
    if (byte === command.sb) {
      this.#state = 'sub'
      this.#sub = []
    } else if (byte >= command.will) {
      this.#state = 'option'
      this.#verb = byte
    }
    return false
  }

  #collect(byte: number): void {
    if (this.#sub.length < maxSubnegotiation) this.#sub.push(byte)
  }

  #ask(side: Map<number, Option>, verb: number, name: number): void {
    side.set(name, 'asked')
    this.#options.send(Buffer.from([iac, verb, name]))
  }

  /** Answers only what changes something, so that two ends never answer each other without end (RFC 1143). */
  #negotiate(verb: number, name: number): void {
    const ofOurs = verb === command.do || verb === command.dont
    const side = ofOurs ? this.#ours : this.#theirs
    const before = side.get(name)
    const wanted = verb === command.do || verb === command.will
    const agreed = wanted && (before !== undefined || this.#accepts(ofOurs, name))
    side.set(name, agreed ? 'on' : 'refused')
    const told = before === 'asked' || before === (agreed ? 'on' : 'refused')
    if (!told && (wanted || before === 'on')) {
      const [yes, no] = ofOurs ? [command.will, command.wont] : [command.do, command.dont]
      this.#options.send(Buffer.from([iac, agreed ? yes : no, name]))
    }
    if (ofOurs && name === option.comPort && agreed && before !== 'on') this.#setUpPort()
  }

  #accepts(ofOurs: boolean, name: number): boolean {
    if (name === option.comPort) return this.#options.comPort
    if (name === option.binary || name === option.suppressGoAhead) return true
    // The board echoes, not this end.
    return !ofOurs && name === option.echo
  }

  #setUpPort(): void {
    const { baud, send } = this.#options
    if (baud !== undefined) {
      const rate = Buffer.alloc(4)
      rate.writeUInt32BE(baud)
      send(subnegotiation([comPort.setBaudRate, ...rate]))
    }
    send(subnegotiation([comPort.setDataSize, 8]))
    send(subnegotiation([comPort.setParity, comPort.noParity]))
    send(subnegotiation([comPort.setStopSize, 1]))
    send(subnegotiation([comPort.setControl, comPort.noFlowControl]))
  }

  #subnegotiated(): void {
    const [name, what, ...value] = this.#sub
    if (name !== option.comPort || what !== comPort.answer + comPort.setBaudRate || value.length !== 4) return
    this.#answeredBaud = Buffer.from(value).readUInt32BE()
  }
}

/** IAC SB COM-PORT-OPTION … IAC SE, with 255 doubled in between. */
function subnegotiation(content: number[]): Buffer {
  const escaped = content.flatMap((byte) => (byte === iac ? [iac, iac] : [byte]))
  return Buffer.from([iac, command.sb, option.comPort, ...escaped, iac, command.se])
}
