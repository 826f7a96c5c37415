/** Unpacks one compressed part of a file as a stream: gzip and zstd by Node, the rest by the program for it. */
import { createReadStream, type ReadStream } from 'node:fs'
import type { Duplex } from 'node:stream'
import { createGunzip, createZstdDecompress, type Gunzip } from 'node:zlib'
import { execa } from 'execa'

/** Formats that the kernel can unpack (lib/decompress.c), by their first bytes. */
const magics = {
  gzip: ['1f8b', '1f9e'],
  zstd: ['28b52ffd'],
  xz: ['fd377a585a00'],
  lzma: ['5d0000'],
  bzip2: ['425a68'],
  lz4: ['02214c18'],
  lzo: ['894c5a4f'],
} as const
export type Compression = keyof typeof magics

const programs = {
  xz: ['xz', '-dc'],
  lzma: ['xz', '-dc', '--format=lzma'],
  bzip2: ['bzip2', '-dc'],
  lz4: ['lz4', '-dc'],
  lzo: ['lzop', '-dc'],
} as const

/** `missing`: the program is not on this machine. `offset` is counted from the part's start. */
export type UnpackFailure = {
  kind: 'missing' | 'cut off' | 'damaged'
  message: string
  offset?: number
}

/** The compression that data beginning like this has. */
export function compressionOf(start: Buffer): Compression | undefined {
  const hex = start.subarray(0, 8).toString('hex')
  const known = Object.entries(magics) as [Compression, readonly string[]][]
  return known.find(([, beginnings]) => beginnings.some((beginning) => hex.startsWith(beginning)))?.[0]
}

export class Unpacker implements AsyncDisposable {
  readonly #source: ReadStream
  readonly #compression: Compression
  readonly #signal: AbortSignal | undefined
  readonly #stop = new AbortController()
  #ended: Promise<UnpackFailure | undefined> = Promise.resolve(undefined)
  #gunzip: Gunzip | undefined

  constructor(file: string, at: number, compression: Compression, signal: AbortSignal | undefined) {
    this.#source = createReadStream(file, { start: at, highWaterMark: 1024 * 1024 })
    this.#compression = compression
    this.#signal = signal
  }

  /** What is unpacked. It just ends where the data is damaged or cut off; failure() then says so. */
  output(): AsyncIterable<Uint8Array> {
    const compression = this.#compression
    if (compression === 'gzip') {
      this.#gunzip = createGunzip()
      return this.#through(this.#gunzip)
    }
    if (compression === 'zstd') return this.#through(createZstdDecompress())
    return this.#run(programs[compression])
  }

  /** Why unpacking ended before the data did; undefined when it was whole. Ask when the output has ended. */
  async failure(): Promise<UnpackFailure | undefined> {
    // The walker may have stopped in the middle, with the data itself being whole.
    this.#stop.abort()
    return await this.#ended
  }

  /** Bytes of the file that the part took, where the unpacker can tell. */
  get consumed(): number | undefined {
    return this.#gunzip?.bytesWritten
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#source.destroy()
    this.#gunzip?.destroy()
    await this.#ended
  }

  async *#through(unpack: Duplex): AsyncGenerator<Uint8Array> {
    let failure: UnpackFailure | undefined
    this.#ended = Promise.resolve().then(() => failure)
    this.#source.on('error', (error) => unpack.destroy(error))
    this.#source.pipe(unpack)
    try {
      for await (const chunk of unpack) yield chunk as Uint8Array
    } catch (error) {
      failure = failureOf(error, this.consumed)
      this.#ended = Promise.resolve(failure)
    }
  }

  async *#run([program, ...args]: readonly [string, ...string[]]): AsyncGenerator<Uint8Array> {
    const signals = [this.#stop.signal, ...(this.#signal ? [this.#signal] : [])]
    const child = execa(program, args, {
      inputFile: undefined,
      stdin: 'pipe',
      buffer: { stdout: false },
      reject: false,
      env: { LC_ALL: 'C' },
      cancelSignal: AbortSignal.any(signals),
    })
    // A program that ends early leaves its input unread.
    child.stdin.on('error', () => undefined)
    this.#source.pipe(child.stdin)
    this.#ended = child.then((result): UnpackFailure | undefined => {
      if (result.code === 'ENOENT') return { kind: 'missing', message: `${program} is not on this machine` }
      if (!result.failed || result.isCanceled) return undefined
      const message = result.stderr.trim().split('\n').at(-1) ?? ''
      const cutOff = /unexpected end|truncated|ends unexpectedly|unfinished|incomplete/i.test(result.stderr)
      return { kind: cutOff ? 'cut off' : 'damaged', message }
    })
    if (child.pid === undefined) return
    for await (const chunk of child.stdout) yield chunk as Uint8Array
    // The output can end before the program does; what it says then still counts.
    await this.#ended
  }
}

function failureOf(error: unknown, offset: number | undefined): UnpackFailure {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR' || /unexpected end of file|truncated/i.test(message))
    return { kind: 'cut off', message }
  if (code?.startsWith('Z_') || code?.startsWith('ZSTD_')) {
    return offset === undefined ? { kind: 'damaged', message } : { kind: 'damaged', message, offset }
  }
  throw error
}
