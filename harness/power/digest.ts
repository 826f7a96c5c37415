/** HTTP digest authentication with SHA-256 (RFC 7616), as Shelly's second generation wants it. */
import { createHash, randomBytes } from 'node:crypto'

export type DigestRequest = {
  /** The WWW-Authenticate header of the answer 401. */
  challenge: string
  method: string
  /** Path and query, as in the request line. */
  uri: string
  user: string
  password: string
  /** The client's nonce; random where it is not given. */
  cnonce?: string
}

/** Value of an Authorization header; undefined where the challenge is not one of this kind. */
export function digestAuth(options: DigestRequest): string | undefined {
  const { challenge, method, uri, user, password, cnonce = randomBytes(16).toString('hex') } = options
  if (!/^Digest\s/i.test(challenge)) return undefined
  const fields = new Map(
    [...challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, key = '', quoted, bare]) => [
      key.toLowerCase(),
      quoted ?? bare ?? '',
    ]),
  )
  const realm = fields.get('realm')
  const nonce = fields.get('nonce')
  const qops = fields.get('qop')?.split(/,\s*/) ?? []
  if (fields.get('algorithm')?.toUpperCase() !== 'SHA-256' || !qops.includes('auth')) return undefined
  if (realm === undefined || nonce === undefined) return undefined
  const nc = '00000001'
  const ha1 = sha256(`${user}:${realm}:${password}`)
  const ha2 = sha256(`${method}:${uri}`)
  const response = sha256(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}`)
  const opaque = fields.get('opaque')
  const parts = [
    `username="${user.replaceAll(/["\\]/g, '\\$&')}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    'algorithm=SHA-256',
    `response="${response}"`,
    'qop=auth',
    `nc=${nc}`,
    `cnonce="${cnonce}"`,
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
  ]
  return `Digest ${parts.join(', ')}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
