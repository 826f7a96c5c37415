/** TCP connections to one port of a board, of which none is used: what counts is whether its kernel answers. */
import { createConnection, type Socket } from 'node:net'
import { ProbeLog } from '../../probe-log.ts'

const intervalMs = 50
/** Before the host's kernel sends a SYN once more (RFC 6298: one second): each question is one packet. */
const patienceMs = 900

/** Asks 20 times a second from now on, until disposed. */
export class TcpConnects implements Disposable {
  readonly log: ProbeLog = new ProbeLog(intervalMs)
  readonly #sockets = new Set<Socket>()
  readonly #timer: NodeJS.Timeout
  readonly #to: { host: string; port: number }

  constructor(host: string, port: number) {
    this.#to = { host, port }
    this.#ask()
    this.#timer = setInterval(() => this.#ask(), intervalMs).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    for (const socket of this.#sockets) socket.destroy()
  }

  #ask(): void {
    const number = this.log.next
    if (number === undefined) return
    this.log.asked(number, process.hrtime.bigint())
    const socket = createConnection(this.#to)
    this.#sockets.add(socket)
    const late = setTimeout(() => socket.destroy(), patienceMs).unref()
    const answered = () => this.log.answered(number, process.hrtime.bigint())
    socket
      .once('connect', () => {
        answered()
        // With a reset, so that neither side keeps the connection: there are twenty a second.
        socket.resetAndDestroy()
      })
      // That the port is closed the board's kernel says itself; whatever else is wrong, it was not the board that said so.
      .on('error', ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED' && answered())
      .once('close', () => {
        clearTimeout(late)
        this.#sockets.delete(socket)
      })
  }
}
