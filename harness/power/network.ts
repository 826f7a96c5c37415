/** What went wrong between the harness and a device on the network, in words. */
import { LabError } from '../errors.ts'

const words: Record<string, [what: string, hint: string]> = {
  ECONNREFUSED: ['refused the connection', 'Is it running, and is that its port?'],
  ECONNRESET: ['dropped the connection', 'Does this port speak that protocol?'],
  EPIPE: ['dropped the connection', 'Does this port speak that protocol?'],
  ENOTFOUND: ['is a host name that nobody knows', 'Check the name, or give its address.'],
  EAI_AGAIN: ['is a host name that could not be looked up', "This host's name server does not answer."],
  EHOSTUNREACH: ['can not be reached', 'Is it switched on, and is there a route to it?'],
  ENETUNREACH: ['can not be reached', 'Is there a route to it?'],
  ETIMEDOUT: ['did not answer', 'Is it switched on, and is there a route to it?'],
}
const tls = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|CERT_|ERR_TLS_)/

/** LabError for an error of Node's network functions; `who` is the switch with its address. */
export function networkError(who: string, error: unknown): LabError {
  const code = codeOf(error)
  const [what, hint] = words[code] ?? []
  if (what) return new LabError(`${who} ${what}`, { hint, cause: error })
  if (tls.test(code)) {
    return new LabError(`${who} has a certificate that this host does not trust (${code})`, {
      hint: 'Name its authority in NODE_EXTRA_CA_CERTS, or accept any certificate with verifyTls: false.',
      cause: error,
    })
  }
  const reason = code || (error instanceof Error ? error.message : String(error))
  return new LabError(`${who} can not be talked to: ${reason}`, { cause: error })
}

/** The errno of an error, also of one that holds one for each address that was tried. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown }
  return [code, errno].find((value) => typeof value === 'string') ?? ''
}
