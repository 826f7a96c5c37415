/** A client for QMP, QEMU's machine protocol: one JSON object a line (docs/interop/qmp-spec.txt in QEMU's source). */
import type { Socket } from 'node:net'
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { LineFramer } from './line-framer.ts'

/** An event as QEMU sent it; `atNs` is the monotonic clock when it arrived. */
export type QmpEvent = { name: string; data: Record<string, unknown>; atNs: bigint }

export type ExecuteOptions<T = unknown> = {
  /** What the answer must look like; an answer that does not is a LabError. */
  schema?: z.ZodType<T>
  signal?: AbortSignal
  /** How long QEMU may take to answer; 10 s unless told. */
  timeoutMs?: number
}

/** QEMU's own refusal of a command, in its own words; `errorClass` is for instance `CommandNotFound`. */
export class QmpCommandError extends LabError {
  readonly command: string
  readonly errorClass: string

  constructor(command: string, errorClass: string, description: string) {
    super(`QEMU refused "${command}": ${description}`)
    this.command = command
    this.errorClass = errorClass
  }
}

/** Which of the keys is there says what it is: a greeting, an event, an error or an answer. */
const message = z.looseObject({
  QMP: z.looseObject({}).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  return: z.unknown().optional(),
  id: z.unknown().optional(),
})
type Message = z.infer<typeof message>

type Pending = {
  command: string
  settle: (outcome: { value: unknown } | { error: Error }) => void
}

const defaultTimeoutMs = 10_000

export class QmpClient {
  readonly #socket: Socket
  readonly #framer: LineFramer
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(event: QmpEvent) => void>()
  readonly #greeted = Promise.withResolvers<void>()
  #nextId = 1
  #closedBecause: LabError | undefined

  /** Takes over a connected socket; `maxReplyBytes` bounds one reply (32 MiB unless told). */
  constructor(socket: Socket, maxReplyBytes = 32 * 1024 * 1024) {
    this.#socket = socket
    this.#framer = new LineFramer(maxReplyBytes)
    this.#greeted.promise.catch(() => {})
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(new LabError('the connection to QEMU broke', { cause: error })))
    const onClose = () => this.#fail(new LabError('QEMU closed its QMP connection'))
    socket.on('close', onClose)
    if (socket.closed) onClose()
  }

  /** Waits for the greeting and leaves capabilities negotiation; every other command comes after it. */
  async negotiate({
    signal,
    timeoutMs = defaultTimeoutMs,
  }: Omit<ExecuteOptions, 'schema'> = {}): Promise<void> {
    await bounded(this.#greeted.promise, 'its QMP greeting', timeoutMs, signal)
    await this.execute('qmp_capabilities', undefined, { signal, timeoutMs })
  }

  /**
   * Runs one command and gives its answer.
   * Throws QmpCommandError when QEMU refuses it, LabError when QEMU does not answer in time, is gone, or
   * answers something that `schema` does not allow; an AbortError when `signal` aborts.
   */
  async execute<T = unknown>(
    command: string,
    args?: Record<string, unknown>,
    { schema, signal, timeoutMs = defaultTimeoutMs }: ExecuteOptions<T> = {},
  ): Promise<T> {
    signal?.throwIfAborted()
    if (this.#closedBecause !== undefined) throw this.#closedBecause
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const settle: Pending['settle'] = (outcome) => {
      this.#pending.delete(id)
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.value)
    }
    this.#pending.set(id, { command, settle })
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    try {
      return checked(command, await bounded(promise, `an answer to "${command}"`, timeoutMs, signal), schema)
    } finally {
      this.#pending.delete(id)
    }
  }

  /** Runs a command of the human monitor (HMP) and gives the text it prints. */
  async humanMonitor(commandLine: string, options: Omit<ExecuteOptions, 'schema'> = {}): Promise<string> {
    const args = { 'command-line': commandLine }
    return await this.execute('human-monitor-command', args, { ...options, schema: z.string() })
  }

  /** Calls `listener` for each event from now on; the function it gives back stops that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Drops the connection; commands that wait are rejected. */
  close(): void {
    this.#fail(new LabError('the QMP connection was closed'))
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    const atNs = process.hrtime.bigint()
    for (const line of this.#framer.push(chunk)) {
      if (line.truncated) this.#oversized(line.text)
      else this.#handle(line.text, atNs)
    }
  }

  #handle(line: string, atNs: bigint): void {
    const parsed = parseMessage(line)
    // Anything that is no QMP message is skipped: the command that waits for an answer has its own limit.
    if (parsed === undefined) return
    if (parsed.QMP !== undefined) this.#greeted.resolve()
    else if (parsed.event !== undefined) this.#emit({ name: parsed.event, data: parsed.data ?? {}, atNs })
    else this.#answer(parsed)
  }

  #answer({ id, error, return: value }: Message): void {
    const pending = this.#pending.get(Number(id))
    if (error === undefined) pending?.settle({ value })
    else pending?.settle({ error: new QmpCommandError(pending.command, error.class, error.desc) })
  }

  /** QEMU answers in order, so a reply that was too long to keep belongs to the command that waits longest. */
  #oversized(start: string): void {
    if (start.startsWith('{"timestamp"')) return
    const [oldest] = this.#pending.values()
    oldest?.settle({ error: new LabError(`QEMU's answer to "${oldest.command}" is too long to keep`) })
  }

  #emit(event: QmpEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }

  #fail(error: LabError): void {
    if (this.#closedBecause !== undefined) return
    this.#closedBecause = error
    this.#greeted.reject(error)
    for (const { settle } of [...this.#pending.values()]) settle({ error })
  }
}

function parseMessage(line: string): Message | undefined {
  try {
    return message.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

function checked<T>(command: string, value: unknown, schema: z.ZodType<T> | undefined): T {
  if (schema === undefined) return value as T
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new LabError(
    `QEMU's answer to "${command}" is not what was expected: ${z.prettifyError(result.error)}`,
  )
}

/** Waits for `promise` at most `timeoutMs`, and no longer than until `signal` aborts. */
async function bounded<T>(
  promise: Promise<T>,
  what: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const stop = Promise.withResolvers<never>()
  const onAbort = () => stop.reject(signal?.reason)
  const timer = setTimeout(() => {
    stop.reject(new LabError(`QEMU did not send ${what} within ${timeoutMs / 1000} s`))
  }, timeoutMs)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, stop.promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
