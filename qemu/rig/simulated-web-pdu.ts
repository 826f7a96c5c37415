/**
 * A simulated PDU that has only a web page, made such that it takes a browser: rows and buttons are made by a script,
 * a switching is confirmed in a dialog, and its request carries a token that the script computes.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import type { Outlets } from './outlet.ts'

export type WebPduOptions = {
  outlets: Outlets
  user: string
  password: string
}

/** Starts it on a free port of the loopback. */
export async function startSimulatedWebPdu(options: WebPduOptions): Promise<SimulatedWebPdu> {
  const pdu = new SimulatedWebPdu(options)
  await pdu.listen()
  return pdu
}

const login = z.object({ user: z.string(), password: z.string() })
const switching = z.object({ outlet: z.number(), on: z.boolean(), token: z.string() })
const longestRequest = 4096

export class SimulatedWebPdu implements AsyncDisposable {
  readonly #options: WebPduOptions
  readonly #server: Server
  /** Sessions by their cookie, and the seed from which the session's tokens are computed. */
  readonly #seeds = new Map<string, string>()

  constructor(options: WebPduOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.writeHead(400).end('bad request'))
    })
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = `${request.method} ${request.url}`
    if (action === 'GET /') return send(response, 200, page, 'text/html; charset=utf-8')
    if (action === 'POST /login') return await this.#logIn(request, response)
    const seed = this.#seeds.get(/(?:^|; )session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '')
    if (seed === undefined) return send(response, 401, { error: 'log in first' })
    if (action === 'GET /outlets') return send(response, 200, { seed, outlets: this.#rows() })
    if (action === 'POST /switch') return await this.#switch(request, response, seed)
    return send(response, 404, { error: 'no such page' })
  }

  async #logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { user, password } = login.parse(await bodyOf(request))
    if (user !== this.#options.user || !same(password, this.#options.password))
      return send(response, 403, { error: 'wrong user or password' })
    const session = randomBytes(16).toString('hex')
    this.#seeds.set(session, randomBytes(8).toString('hex'))
    response.setHeader('set-cookie', `session=${session}; HttpOnly; SameSite=Strict; Path=/`)
    send(response, 200, {})
  }

  async #switch(request: IncomingMessage, response: ServerResponse, seed: string): Promise<void> {
    const { outlet, on, token } = switching.parse(await bodyOf(request))
    const board = this.#options.outlets.get(outlet)
    if (!same(token, tokenFor(seed, outlet, on))) return send(response, 403, { error: 'bad token' })
    if (!board) return send(response, 404, { error: 'no such outlet' })
    board.switch(on)
    send(response, 200, { outlets: this.#rows() })
  }

  #rows() {
    return [...this.#options.outlets].map(([outlet, { name, switched }]) => ({ outlet, name, on: switched }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

function send(response: ServerResponse, status: number, body: string | object, type = 'application/json') {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > longestRequest) throw new Error('too much')
  }
  return JSON.parse(text)
}

function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

/** FNV-1a over the seed, the outlet and what it shall do: the page's script computes the same. */
function tokenFor(seed: string, outlet: number, on: boolean): string {
  let hash = 0x811c9dc5
  for (const character of `${seed}/${outlet}/${on}`)
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0
  return hash.toString(16)
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Rack PDU</title>
<h1>Rack PDU</h1>
<form id="login">
  <label>User <input name="user" autocomplete="off"></label>
  <label>Password <input name="password" type="password"></label>
  <button>Log in</button>
</form>
<table id="outlets" hidden><thead><tr><th>Outlet<th>Board<th>State<th>Action</thead><tbody></tbody></table>
<p id="message" role="status"></p>
<script>
const form = document.querySelector('#login')
const table = document.querySelector('#outlets')
const message = document.querySelector('#message')
let seed = ''
async function call(path, body) {
  const options = body && { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(path, options)
  const answer = await response.json()
  message.textContent = answer.error ?? ''
  if (!response.ok) throw new Error(answer.error)
  return answer
}
function token(outlet, on) {
  let hash = 0x811c9dc5
  for (const character of seed + '/' + outlet + '/' + on)
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0
  return hash.toString(16)
}
function button(text, outlet, on) {
  const element = document.createElement('button')
  element.textContent = text
  element.setAttribute('aria-label', text + ' outlet ' + outlet)
  element.onclick = async () => {
    if (!confirm('Switch outlet ' + outlet + ' ' + text.toLowerCase() + '?')) return
    show((await call('/switch', { outlet, on, token: token(outlet, on) })).outlets)
  }
  return element
}
function show(outlets) {
  const rows = outlets.map(({ outlet, name, on }) => {
    const row = document.createElement('tr')
    row.id = 'outlet-' + outlet
    for (const text of [outlet, name, on ? 'On' : 'Off']) row.insertCell().textContent = text
    row.cells[2].className = 'state state-' + (on ? 'on' : 'off')
    row.insertCell().append(button('On', outlet, true), button('Off', outlet, false))
    return row
  })
  table.tBodies[0].replaceChildren(...rows)
  form.hidden = true
  table.hidden = false
}
async function load() {
  const answer = await call('/outlets')
  seed = answer.seed
  show(answer.outlets)
}
form.onsubmit = async (event) => {
  event.preventDefault()
  await call('/login', Object.fromEntries(new FormData(form)))
  await load()
}
</script>
`
