/**
 * Input for a hypervisor's console (hvc) on POWER. Linux's terminals echo no more of one batch of input than the driver
 * has room for at that moment (drivers/tty/n_tty.c, __process_echoes()), which is 16 bytes on hvc (drivers/tty/hvc/
 * hvc_vio.c, MAX_VIO_PUT_CHARS; hvc_opal.c); the rest of the echo comes with the next input, or never. So pieces go out
 * one by one, each when as much came back as the one before was long.
 */
import { systemClock } from '../clock.ts'

/** Two of them in one batch are still echoed whole. */
const pieceBytes = 8
/** A piece that is not echoed, such as that of a password, is waited for no longer. */
const unansweredMs = 1000

/** Calls `listener` for whatever the console says from now on; the function it gives back stops that. */
type Listen = (listener: (chunk: Buffer) => void) => () => void

export class HvcInput {
  readonly #send: (bytes: Buffer) => Promise<void>
  readonly #listen: Listen
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(send: (bytes: Buffer) => Promise<void>, listen: Listen) {
    this.#send = send
    this.#listen = listen
  }

  /** Resolves when the last piece was sent; rejects with what sending it rejects with. Writes don't mix. */
  async write(bytes: Buffer): Promise<void> {
    const turn = this.#lastWrite.then(() => this.#inPieces(bytes))
    this.#lastWrite = turn.catch(() => {})
    await turn
  }

  async #inPieces(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const answer = this.#answerOf(pieceBytes)
      try {
        await this.#send(bytes.subarray(start, start + pieceBytes))
        if (start + pieceBytes < bytes.length) await answer.arrived
      } finally {
        answer.stop()
      }
    }
  }

  #answerOf(bytes: number): { arrived: Promise<void>; stop: () => void } {
    const end = new AbortController()
    let left = bytes
    const unlisten = this.#listen((chunk) => {
      left -= chunk.length
      if (left <= 0) end.abort()
    })
    const arrived = systemClock.sleep(unansweredMs, end.signal).catch(() => {})
    return {
      arrived,
      stop: () => {
        unlisten()
        end.abort()
      },
    }
  }
}
