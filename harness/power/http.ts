/** One HTTP request to a power switch. */
import type { IncomingHttpHeaders } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import { LabError } from '../errors.ts'
import { networkError } from './network.ts'

export type HttpRequest = {
  url: URL
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  /** Sent as JSON. */
  json?: unknown
  /** False accepts any certificate. */
  verifyTls?: boolean
  signal: AbortSignal
}
export type HttpAnswer = { status: number; reason: string; headers: IncomingHttpHeaders; body: string }

/** Longer than what any of these devices says of one outlet. */
const maxBytes = 1024 * 1024

/**
 * Sends a request and reads the answer. Not `fetch`: that can't accept a BMC's self-signed certificate.
 * Redirects are not followed, since a password may go with the request.
 * Throws LabError, naming `who` and never the URL's query, which may hold a password; or the signal's reason.
 */
export async function request(who: string, options: HttpRequest): Promise<HttpAnswer> {
  const { url, method = 'GET', headers = {}, json, verifyTls = true, signal } = options
  const text = json === undefined ? undefined : JSON.stringify(json)
  const client = url.protocol === 'https:' ? https : http
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const sent = client.request(url, {
        method,
        headers: {
          ...headers,
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
        agent: false,
        rejectUnauthorized: verifyTls,
        signal,
      })
      sent.on('error', reject)
      sent.on('response', (response) => readAnswer(response).then(resolve, reject))
      sent.end(text)
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof LabError ? error : networkError(who, error)
  }

  async function readAnswer(response: http.IncomingMessage): Promise<HttpAnswer> {
    let body = ''
    response.setEncoding('utf8')
    for await (const chunk of response) {
      body += chunk
      if (body.length > maxBytes) throw new LabError(`${who} answers without end`)
    }
    const { statusCode: status = 0, statusMessage: reason = '', headers } = response
    return { status, reason, headers, body }
  }
}

/** The same answer where it is a success. Throws LabError with its status otherwise. */
export function succeeded(who: string, answer: HttpAnswer, hint?: string): HttpAnswer {
  const { status, reason } = answer
  if (status >= 200 && status < 300) return answer
  throw new LabError(`${who} answered ${status} ${reason}`.trimEnd(), {
    hint:
      status === 401 || status === 403
        ? 'It wants a user and a password, or others than these: keys user and password.'
        : hint,
  })
}

/** JSON of an answer. Throws LabError when it is none. */
export function jsonOf(who: string, answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.body)
  } catch (cause) {
    throw new LabError(`${who} answered something that is not JSON`, {
      hint: 'Is this the address of such a device?',
      cause,
    })
  }
}

/** A URL below the one in a descriptor, whose own path is kept. */
export function below(base: string, path: string, query: Record<string, string> = {}): URL {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`
  url.search = new URLSearchParams(query).toString()
  url.hash = ''
  return url
}

/** Value of an Authorization header, RFC 7617. */
export function basicAuth(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
