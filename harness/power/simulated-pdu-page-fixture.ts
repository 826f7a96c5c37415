/**
 * A simulated PDU that has only a web page: a login form and a session that it ends at will, outlets in a frame, a confirm
 * dialog before an outlet goes off, and buttons whose request needs a token that the page's script works out.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'

const loginPage = `<title>PDU</title><form method=post action=/login>
<label>User <input name=user></label><label>Password <input type=password name=password></label>
<button>Log in</button></form>`

const framePage = '<title>PDU</title><h1>Outlets</h1><iframe name=outlets src=/outlets></iframe>'

const outletsPage = (on: boolean, token: number) => `<table><tr id=outlet-3><td>Outlet 3</td>
<td class=state data-led=${on ? 'led_on.gif' : 'led_off.gif'}>${on ? 'ON' : 'OFF'}<span hidden>${on ? 'OFF' : 'ON'}</span></td></tr></table>
<button onclick="send('on')">Outlet 3 on</button>
<button onclick="if (confirm('Really switch outlet 3 off?')) send('off')">Outlet 3 off</button>
<script>
async function send(state) {
  await fetch('/switch?state=' + state + '&token=' + (${token} * 7 + 1), { method: 'POST' })
  location.reload()
}
</script>`

export type SimulatedPdu = {
  url: string
  on: boolean
  /** How often somebody logged in. */
  logins: number
  /** Switchings without the right token. */
  refused: number
  /** Ends every session, as such a PDU does after some minutes. */
  expire(): void
}

export async function startSimulatedPdu(t: ExecutionContext, password: string): Promise<SimulatedPdu> {
  let session: string | undefined
  const token = 1234
  const pdu: SimulatedPdu = {
    ...{ url: '', on: false, logins: 0, refused: 0 },
    expire: () => {
      session = undefined
    },
  }
  const html = (response: ServerResponse, body: string) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body)
  }
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const url = new URL(request.url ?? '', 'http://pdu')
    if (url.pathname === '/login') {
      const form = new URLSearchParams(body)
      if (form.get('user') !== 'lab' || form.get('password') !== password)
        return html(response, `<p>Wrong password: ${form.get('password')}</p>${loginPage}`)
      session = `session=${++pdu.logins}`
      return response.writeHead(303, { location: '/', 'set-cookie': `${session}; HttpOnly` }).end()
    }
    if (session === undefined || request.headers.cookie !== session) return html(response, loginPage)
    if (url.pathname === '/') return html(response, framePage)
    if (url.pathname === '/outlets') return html(response, outletsPage(pdu.on, token))
    if (url.pathname !== '/switch') return response.writeHead(404).end()
    if (url.searchParams.get('token') !== String(token * 7 + 1)) {
      pdu.refused++
      return response.writeHead(403).end('Forbidden')
    }
    pdu.on = url.searchParams.get('state') === 'on'
    return response.writeHead(204).end()
  }
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  pdu.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return pdu
}
