/** Simulated HTTP relays and BMCs: servers that answer as their makers' API documents say. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'

export type Seen = { method: string; url: URL; authorization: string | undefined; body: string }
type Answer = { status?: number; json?: unknown; headers?: Record<string, string> }

/** A server on a free port of loopback that ends with the test. */
export async function serve(
  t: ExecutionContext,
  answer: (seen: Seen) => Answer | Promise<Answer>,
): Promise<{ url: string; requests: Seen[] }> {
  const requests: Seen[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '', headers } = request
    const url = new URL(request.url ?? '', 'http://device')
    const seen = { method, url, authorization: headers.authorization, body }
    requests.push(seen)
    const { status = 200, json = {}, headers: more = {} } = await answer(seen)
    response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(json))
  }
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, requests }
}

/** tasmota.github.io/docs/Commands: one relay is POWER, several are POWER1, POWER2…; a wrong password is a WARNING. */
export function simulatedTasmota(relays: number, login?: { user: string; password: string }) {
  const on = Array<boolean>(relays).fill(false)
  return {
    on,
    answer: ({ url }: Seen): Answer => {
      const query = url.searchParams
      if (login && (query.get('user') !== login.user || query.get('password') !== login.password))
        return { status: 401, json: { WARNING: 'Need user=<username>&password=<password>' } }
      const [, number, state] = /^Power(\d+)(?: (On|Off))?$/.exec(query.get('cmnd') ?? '') ?? []
      const index = Number(number) - 1
      if (on[index] === undefined) return { json: { Command: 'Unknown' } }
      if (state) on[index] = state === 'On'
      return { json: { [relays === 1 ? 'POWER' : `POWER${index + 1}`]: on[index] ? 'ON' : 'OFF' } }
    },
  }
}

/** shelly-api-docs.shelly.cloud/gen1: /shelly, /relay/N?turn=on|off, Basic authentication. */
export function simulatedShelly1(login?: { user: string; password: string }) {
  const relay = { ison: false }
  const basic = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  return {
    relay,
    answer: ({ url, authorization }: Seen): Answer => {
      if (url.pathname === '/shelly') return { json: { type: 'SHSW-1', mac: 'AABBCCDDEEFF', auth: !!login } }
      if (basic && authorization !== basic)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="shelly1-DDEEFF"' } }
      if (url.pathname !== '/relay/0') return { status: 404 }
      const turn = url.searchParams.get('turn')
      if (turn) relay.ison = turn === 'on'
      return { json: { ison: relay.ison, has_timer: false } }
    },
  }
}

/** shelly-api-docs.shelly.cloud/gen2: /shelly, /rpc/Switch.Set and GetStatus, SHA-256 digest authentication. */
export function simulatedShelly2(password?: string) {
  const output = { on: false }
  const realm = 'shellyplus1-aabbccddeeff'
  const nonce = randomBytes(8).toString('hex')
  const challenge = `Digest qop="auth", realm="${realm}", nonce="${nonce}", algorithm=SHA-256`
  const isKnown = ({ method, url, authorization = '' }: Seen) => {
    const field = (name: string) => new RegExp(`\\b${name}="?([^",]+)`).exec(authorization)?.[1] ?? ''
    const ha1 = sha256(`admin:${realm}:${password}`)
    const ha2 = sha256(`${method}:${url.pathname}${url.search}`)
    const right = sha256([ha1, nonce, field('nc'), field('cnonce'), 'auth', ha2].join(':'))
    return field('response') === right
  }
  return {
    output,
    answer: (seen: Seen): Answer => {
      const { pathname, searchParams } = seen.url
      if (pathname === '/shelly')
        return { json: { id: 'shellyplus1-x', gen: 2, auth_en: password !== undefined } }
      if (password !== undefined && !isKnown(seen))
        return { status: 401, headers: { 'www-authenticate': challenge } }
      if (searchParams.get('id') !== '0')
        return { status: 500, json: { code: -105, message: 'id not found' } }
      if (pathname === '/rpc/Switch.GetStatus') return { json: { id: 0, source: 'HTTP', output: output.on } }
      if (pathname !== '/rpc/Switch.Set') return { status: 404 }
      const before = output.on
      output.on = searchParams.get('on') === 'true'
      return { json: { was_on: before } }
    },
  }
}

/** DMTF DSP0266 and the ComputerSystem schema: a collection of systems, PowerState, the action Reset. */
export function simulatedRedfish(ids: readonly string[], authorization: string) {
  const bmc = { state: 'Off', resets: [] as string[] }
  return {
    bmc,
    answer: (seen: Seen): Answer => {
      if (seen.authorization !== authorization) return { status: 401 }
      const path = seen.url.pathname
      if (path === '/redfish/v1/Systems')
        return { json: { Members: ids.map((id) => ({ '@odata.id': `/redfish/v1/Systems/${id}` })) } }
      const system = ids.find((id) => path.startsWith(`/redfish/v1/Systems/${id}`))
      if (system === undefined) return { status: 404 }
      const target = `/redfish/v1/Systems/${system}/Actions/ComputerSystem.Reset`
      if (path === target && seen.method === 'POST') {
        const { ResetType } = JSON.parse(seen.body) as { ResetType: string }
        // A real service refuses to switch off what is off.
        if ((ResetType === 'On') === (bmc.state === 'On')) return { status: 409 }
        bmc.resets.push(`${system} ${ResetType}`)
        bmc.state = ResetType === 'On' ? 'On' : 'Off'
        return { status: 204 }
      }
      const Actions = { '#ComputerSystem.Reset': { target } }
      return { json: { Id: system, PowerState: bmc.state, Actions } }
    },
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
