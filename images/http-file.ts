/** A file of an HTTP server, or the rest of it, byte for byte as the server has it. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'

/** The network or the server ended it: another attempt may do better. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff'
}

export type FileRequest = {
  /** Offset of the first byte that is wanted. */
  from: number
  /** A server that says nothing for so long is given up. */
  silenceMs: number
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are taken from. */
  env: NodeJS.ProcessEnv
  signal?: AbortSignal | undefined
}

/** An answer; to be closed, also when its body was not read. */
export type Answer = Disposable & {
  /** 206 where it begins at `from`, 200 where it begins at the start. */
  status: number
  /** How many bytes the body has, where the server says it. */
  bytes: number | undefined
  /** Ends with BrokenOff where the connection does before its time. */
  body: AsyncIterable<Buffer>
}

const maxRedirects = 5

/**
 * Asks for a file, following redirects. Not by fetch, which unpacks what a server calls encoded: many do that to
 * every .gz, and the checksum is that of the packed file. Throws BrokenOff, and what the signal throws.
 */
export async function requestFile(url: URL, options: FileRequest): Promise<Answer> {
  let target = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await request(target, options)
    const { statusCode = 0, headers } = response
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      return toAnswer(response, statusCode, options)
    response.destroy()
    const next = URL.parse(headers.location, target.href)
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new BrokenOff(`the server sends on to ${headers.location}, which is no http or https URL`)
    target = next
  }
  throw new BrokenOff(`the server sends on from one URL to another, more than ${maxRedirects} times`)
}

async function request(url: URL, { from, silenceMs, env, signal }: FileRequest): Promise<IncomingMessage> {
  const { get, Agent } = url.protocol === 'https:' ? https : http
  const answered = Promise.withResolvers<IncomingMessage>()
  const headers = {
    'accept-encoding': 'identity',
    'user-agent': 'kexec-harness',
    ...(from > 0 ? { range: `bytes=${from}-` } : {}),
  }
  // A connection of its own: one that a server kept open and then closes would fail for no reason of this file's.
  const agent = new Agent({ proxyEnv: env })
  const sent = get(url, { headers, agent, ...(signal ? { signal } : {}) }, answered.resolve)
  sent.setTimeout(silenceMs, () =>
    sent.destroy(new BrokenOff(`the server said nothing for ${silenceMs / 1000} s`)),
  )
  sent.on('error', answered.reject)
  try {
    return await answered.promise
  } catch (error) {
    signal?.throwIfAborted()
    throw brokenOff(error)
  }
}

function toAnswer(response: IncomingMessage, status: number, { from, signal }: FileRequest): Answer {
  const length = response.headers['content-length']
  // A server that answers with another range than the one that was asked for would leave a hole.
  const range = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')
  if (status === 206 && Number(range?.[1]) !== from) {
    response.destroy()
    throw new BrokenOff('the server sends another part of the file than it was asked for')
  }
  return {
    status,
    bytes: length === undefined ? undefined : Number(length),
    body: readBody(response, signal),
    [Symbol.dispose]: () => void response.destroy(),
  }
}

async function* readBody(response: IncomingMessage, signal: AbortSignal | undefined): AsyncIterable<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer
  } catch (error) {
    signal?.throwIfAborted()
    throw brokenOff(error)
  }
}

/** What errors of Node's sockets mean. */
const meanings: Record<string, string> = {
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: "the host's name can't be looked up now; is there a network?",
  ECONNREFUSED: 'nobody listens there (connection refused)',
  ECONNRESET: 'the server broke the connection off',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'the host does not answer',
}

function brokenOff(error: unknown): BrokenOff {
  if (error instanceof BrokenOff) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new BrokenOff(meanings[code ?? ''] ?? message, { cause: error })
}
