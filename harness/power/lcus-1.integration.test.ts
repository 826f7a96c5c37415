import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { inTime, programOrSkip, startDaemon, temporaryFolder, until } from './daemon-fixture.ts'
import { lcus1Schema, openLcus1 } from './lcus-1.ts'

/** A simulated LCUS board of four relays, which takes frames with the right sum and answers the query or not. */
class SimulatedLcus {
  readonly on = [false, false, false, false]
  readonly wrongSums: string[] = []
  readonly #answers: boolean
  #pending = Buffer.alloc(0)
  queries = 0

  constructor(answers: boolean) {
    this.#answers = answers
  }

  hear(chunk: Buffer, line: Socket): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (this.#pending.length > 0) {
      if (this.#pending[0] === 0xff) {
        this.queries++
        this.#pending = this.#pending.subarray(1)
        const states = this.on.map((on, index) => `CH${index + 1}: ${on ? 'ON' : 'OFF'} \r\n`)
        if (this.#answers) line.write(states.join(''))
      } else {
        if (this.#pending.length < 4) return
        const [start = 0, relay = 0, operation = 0, sum = 0] = this.#pending
        if (start === 0xa0 && sum === ((start + relay + operation) & 0xff))
          this.on[relay - 1] = operation === 1
        else this.wrongSums.push(this.#pending.toString('hex'))
        this.#pending = this.#pending.subarray(4)
      }
    }
  }
}

/** The board behind a PTY, as behind its CH340; undefined where there is no socat. */
async function plugIn(t: ExecutionContext, board: SimulatedLcus): Promise<string | undefined> {
  const socat = await programOrSkip(t, { program: 'socat', packages: ['socat'] })
  if (socat === undefined) return undefined
  const folder = await temporaryFolder(t)
  const server = createServer((line) => {
    line.on('data', (chunk: Buffer) => board.hear(chunk, line)).on('error', () => {})
  })
  server.listen(join(folder, 'board'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  const path = join(folder, 'tty')
  await startDaemon(t, {
    command: [socat, '-d', '-d', `PTY,link=${path},rawer`, `UNIX-CONNECT:${join(folder, 'board')}`],
    ready: /starting data transfer loop/,
  })
  return path
}

const parse = (path: string, extra: object = {}) => lcus1Schema.parse({ type: 'lcus-1', path, ...extra })

test('a board that answers is switched and read back, by two boards of ours at once', async (t) => {
  const board = new SimulatedLcus(true)
  const path = await plugIn(t, board)
  if (path === undefined) return t.pass()
  const slow = { answerMs: 60_000 }
  const first = openLcus1(parse(path), slow)
  const third = openLcus1(parse(path, { relay: 3, invert: true }), slow)
  await Promise.all([first.on(inTime()), third.on(inTime())])
  t.deepEqual(await Promise.all([first.state?.(inTime()), third.state?.(inTime())]), ['on', 'on'])
  t.deepEqual(board.on, [true, false, false, false])
  await Promise.all([first.off(inTime()), third.off(inTime())])
  t.deepEqual(await Promise.all([first.state?.(inTime()), third.state?.(inTime())]), ['off', 'off'])
  t.deepEqual(board.on, [false, false, true, false])
  t.deepEqual(board.wrongSums, [])
})

test('a board that does not answer has no state, and is asked only once', async (t) => {
  const board = new SimulatedLcus(false)
  const path = await plugIn(t, board)
  if (path === undefined) return t.pass()
  const power = openLcus1(parse(path), { answerMs: 100 })
  await power.on(inTime())
  // serialport flushes a port that it opens. A UART has sent everything when its drain is over; a PTY is drained at once, and
  // what socat did not read yet would be gone.
  await until(async () => board.on[0] === true)
  t.is(await power.state?.(inTime()), 'unknown')
  t.is(await power.state?.(inTime()), 'unknown')
  // A second exchange comes after the first on the line, so that all queries have been counted when it is there.
  const other = openLcus1(parse(path, { relay: 2 }))
  await other.on(inTime())
  await until(async () => board.on[1] === true)
  t.deepEqual(board.on, [true, true, false, false])
  t.is(board.queries, 1)
})

test('a port that is not there is told', async (t) => {
  await t.throwsAsync(openLcus1(parse('/dev/serial/by-id/nothing')).on(inTime()), {
    instanceOf: LabError,
    message: "relay 1 at /dev/serial/by-id/nothing can't be opened: there is no such port",
  })
})
