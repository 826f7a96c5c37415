/** The words between a tee and whoever is attached to it: frames of a type, a stamp and a payload. */

/**
 * From the tee: `hello` (what stamps are late by), `bytes`, `lost` (why), `back`, `gone` (why), and `done` or `refused` (why) for each `write`, `break`,
 * `reopen` and `yield` (give the console up) that it was sent, in order.
 */
const frameTypes = [
  'hello',
  'bytes',
  'lost',
  'back',
  'gone',
  'done',
  'refused',
  'write',
  'break',
  'reopen',
  'yield',
] as const
export type FrameType = (typeof frameTypes)[number]

export type Frame = {
  type: FrameType
  /** CLOCK_MONOTONIC, which is the same for all processes of a host; 0 where it means nothing. */
  atNs: bigint
  payload: Buffer
}

const headerBytes = 13
/** Far more than a console or a person hands over at once; more is no peer of ours. */
const maxPayloadBytes = 1024 * 1024

export function encodeFrame(type: FrameType, payload: Buffer | string = '', atNs = 0n): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const frame = Buffer.allocUnsafe(headerBytes + body.length)
  frame.writeUInt8(frameTypes.indexOf(type), 0)
  frame.writeBigInt64BE(atNs, 1)
  frame.writeUInt32BE(body.length, 9)
  body.copy(frame, headerBytes)
  return frame
}

/** Cuts a stream into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0)

  /** The frames that this chunk completes. Throws RangeError for what is no frame: the peer speaks something else. */
  push(chunk: Buffer): Frame[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const frames: Frame[] = []
    let start = 0
    while (this.#pending.length - start >= headerBytes) {
      const type = frameTypes[this.#pending.readUInt8(start)]
      const length = this.#pending.readUInt32BE(start + 9)
      if (type === undefined || length > maxPayloadBytes) throw new RangeError('not a frame of a console tee')
      const end = start + headerBytes + length
      if (end > this.#pending.length) break
      const atNs = this.#pending.readBigInt64BE(start + 1)
      frames.push({ type, atNs, payload: this.#pending.subarray(start + headerBytes, end) })
      start = end
    }
    this.#pending = this.#pending.subarray(start)
    return frames
  }
}
