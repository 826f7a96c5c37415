/** Writes to many consoles at the pace of a serial line, each line carrying its writer's own clock. */
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { endWithParent, tellParent } from './child.ts'

const bytesPerSecond = 11_520
/** A 16550's FIFO, which is what a UART passes on in one go. */
const pieceBytes = 16
/** Gap between two looks at the clock; pieces of 16 bytes are due every 1.4 ms. */
const tickMs = 1

class Writer {
  lines = 0
  readonly #socket: Socket
  #sent = 0
  #line: Buffer = Buffer.alloc(0)
  #done = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Sends what is due. A line is stamped right before the write that carries its first byte. */
  send(elapsedMs: number, finish: boolean): void {
    const due = (elapsedMs / 1000) * bytesPerSecond
    while (this.#sent < due || (finish && this.#done > 0)) {
      if (this.#done === 0) this.#line = newLine(this.lines++)
      const piece = this.#line.subarray(this.#done, this.#done + pieceBytes)
      this.#socket.write(piece)
      this.#sent += piece.length
      this.#done = this.#done + piece.length === this.#line.length ? 0 : this.#done + piece.length
    }
  }

  end(): void {
    this.#socket.end()
  }
}

/** Between 30 and 110 bytes, like the lines of a kernel. */
function newLine(number: number): Buffer {
  const filler = 'x'.repeat(8 + ((number * 37) % 80))
  return Buffer.from(`@${process.hrtime.bigint()} ${filler}\r\n`)
}

function connected(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(path, () => resolve(socket))
  socket.on('error', reject)
  return promise
}

endWithParent()
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' } },
})
const durationMs = Number(values.seconds) * 1000
const writers: Writer[] = []
for (const path of positionals) writers.push(new Writer(await connected(path)))
const start = performance.now()
const tick = () => {
  const elapsedMs = performance.now() - start
  const finish = elapsedMs >= durationMs
  for (const writer of writers) writer.send(elapsedMs, finish)
  if (!finish) return void setTimeout(tick, tickMs)
  for (const writer of writers) writer.end()
  void tellParent({ lines: writers.reduce((sum, { lines }) => sum + lines, 0) })
}
tick()
