/** Downloads from a real HTTP server on loopback. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { LabError, UsageError } from '../harness/errors.ts'
import { type DownloadOptions, downloadFile as download, withLocalFiles } from './download.ts'
import { isUrl, urlMistake } from './file-url.ts'

const content = randomBytes(300_000)
const sumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const sum = sumOf(content)

/** Not through a proxy that the machine may have. */
const downloadFile = (url: string, options: DownloadOptions = {}) => download(url, { env: {}, ...options })

type Request = { url: string; range: string | undefined }
type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** A server, what it was asked for, and a cache of its own. */
async function serve(t: ExecutionContext, handle: Handler) {
  const cache = await mkdtemp(path.join(tmpdir(), 'download-test-'))
  t.teardown(() => rm(cache, { recursive: true }))
  const requests: Request[] = []
  const server: Server = createServer((request, response) => {
    requests.push({ url: request.url!, range: request.headers.range })
    handle(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const urlOf = (file: string, sha256 = sum) => `${origin}/${file}#sha256=${sha256}`
  return { cache, requests, origin, urlOf }
}

/** Sends the file, or the part of it that was asked for. */
const sendFile: Handler = ({ headers }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  if (from >= content.length) return void response.writeHead(416).end()
  const part = { 'content-length': content.length - from }
  if (from === 0) response.writeHead(200, part)
  else
    response.writeHead(206, {
      ...part,
      'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
    })
  response.end(content.subarray(from))
}

/** Sends so many bytes of what it promised, and breaks off. */
function sendStart(response: ServerResponse, bytes: Buffer, count: number): void {
  response.writeHead(200, { 'content-length': bytes.length })
  response.write(bytes.subarray(0, count), () => response.destroy())
}

const leftOf = async (cache: string) =>
  (await readdir(path.join(cache, 'downloads'), { recursive: true }).catch(() => [])).sort()

test('a file is downloaded once, and is kept under its own name', async (t) => {
  const { cache, requests, urlOf } = await serve(t, sendFile)
  const told: string[] = []
  const file = await downloadFile(urlOf('nightly/bzImage?token=secret', sum.toUpperCase()), {
    cache,
    progress: (text) => told.push(text),
  })
  t.is(file, path.join(cache, 'downloads', sum, 'bzImage'))
  t.deepEqual(await readFile(file), content)
  t.is(await downloadFile(urlOf('nightly/bzImage'), { cache }), file)
  t.deepEqual(requests, [{ url: '/nightly/bzImage?token=secret', range: undefined }])
  t.deepEqual(await leftOf(cache), [sum, path.join(sum, 'bzImage')])
  t.false(told.join().includes('secret'))
})

test('paths stay as they are, and both files of an image are fetched', async (t) => {
  const { cache, requests, urlOf } = await serve(t, sendFile)
  const image = { recipe: 'x', kernel: '/boot/vmlinuz', disk: 'http://left.alone/' }
  t.deepEqual(await withLocalFiles(image, { cache, env: {} }), image)
  const local = await withLocalFiles({ kernel: urlOf('a'), initramfs: urlOf('b') }, { cache, env: {} })
  const at = (name: string) => path.join(cache, 'downloads', sum, name)
  t.deepEqual(local, { kernel: at('a'), initramfs: at('b') })
  t.is(requests.length, 2)
})

test('two that want the same file at once download it once', async (t) => {
  const { cache, requests, urlOf } = await serve(t, sendFile)
  const files = await Promise.all([1, 2].map(() => downloadFile(urlOf('bzImage'), { cache })))
  t.is(files[0], files[1])
  t.is(requests.length, 1)
})

test('a connection that breaks off is taken up where it broke off', async (t) => {
  const { cache, requests, urlOf } = await serve(t, (request, response, count) => {
    if (count === 1) sendStart(response, content, 100_000)
    else sendFile(request, response, count)
  })
  const told: string[] = []
  const file = await downloadFile(urlOf('bzImage'), { cache, progress: (text) => told.push(text) })
  t.deepEqual(await readFile(file), content)
  t.deepEqual(
    requests.map(({ range }) => range),
    [undefined, 'bytes=100000-'],
  )
  t.regex(
    told.join('\n'),
    /^download http:\S+\/bzImage: the server broke the connection off; going on at 100000 bytes$/m,
  )
})

test('what an earlier run has left is gone on with, also by a server that knows no ranges', async (t) => {
  const { cache, requests, urlOf } = await serve(t, ({ headers: _ }, response) => response.end(content))
  const folder = path.join(cache, 'downloads', sum)
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'part'), content.subarray(0, 1234))
  t.deepEqual(await readFile(await downloadFile(urlOf('bzImage'), { cache })), content)
  t.deepEqual(
    requests.map(({ range }) => range),
    ['bytes=1234-'],
  )
})

for (const [what, left] of [
  ['of another file', randomBytes(1000)],
  ['that is too long', Buffer.concat([content, content])],
  ['that is all there', content],
] as const)
  test(`a part ${what} is no hindrance`, async (t) => {
    const { cache, urlOf } = await serve(t, sendFile)
    const folder = path.join(cache, 'downloads', sum)
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'part'), left)
    t.deepEqual(await readFile(await downloadFile(urlOf('bzImage'), { cache })), content)
  })

test('a wrong checksum is told with both, and nothing is kept', async (t) => {
  const { cache, urlOf } = await serve(t, sendFile)
  const wrong = 'ab'.repeat(32)
  const error = await t.throwsAsync(downloadFile(urlOf('bzImage?token=secret', wrong), { cache }), {
    instanceOf: UsageError,
  })
  t.regex(error!.message, new RegExp(`^http:\\S+/bzImage: its sha256 is ${sum}, expected was ${wrong}$`))
  t.deepEqual(await leftOf(cache), [wrong])
})

for (const [status, kind, text] of [
  [404, UsageError, '404 Not Found'],
  [403, UsageError, '403 Forbidden'],
  [503, LabError, '503 Service Unavailable'],
  [204, LabError, '204 No Content'],
] as const)
  test(`an answer of ${status} is ${kind === UsageError ? "the user's" : "the lab's"}`, async (t) => {
    const { cache, urlOf } = await serve(t, (_, response) => response.writeHead(status).end())
    const error = await t.throwsAsync(downloadFile(urlOf('bzImage'), { cache }))
    t.true(error instanceof kind)
    t.true(error!.message.endsWith(`/bzImage: the server answers ${text}`), error!.message)
  })

test('redirects are followed, but not for ever nor anywhere', async (t) => {
  const { cache, requests, urlOf } = await serve(t, (request, response, count) => {
    const to: Record<string, string> = {
      '/a': '/b',
      '/b': 'c',
      '/loop': '/loop',
      '/away': 'file:///etc/passwd',
    }
    const location = to[request.url!]
    if (location !== undefined) response.writeHead(302, { location }).end()
    else sendFile(request, response, count)
  })
  t.is(path.basename(await downloadFile(urlOf('a'), { cache })), 'a')
  t.deepEqual(
    requests.map(({ url }) => url),
    ['/a', '/b', '/c'],
  )
  const refused = (file: string, message: RegExp) =>
    t.throwsAsync(downloadFile(urlOf(file), { cache }), { instanceOf: LabError, message })
  await refused(
    'loop',
    /can't be downloaded: the server sends on from one URL to another, more than 5 times$/,
  )
  await refused(
    'away',
    /can't be downloaded: the server sends on to file:\/\/\/etc\/passwd, which is no http/,
  )
})

test('a packed file stays packed, whatever the server calls its encoding', async (t) => {
  const packed = gzipSync(content)
  const { cache, urlOf } = await serve(t, (_, response) =>
    response.writeHead(200, { 'content-encoding': 'x-gzip' }).end(packed),
  )
  t.deepEqual(await readFile(await downloadFile(urlOf('initramfs.gz', sumOf(packed)), { cache })), packed)
})

test('nobody there, no such host, and a server that falls silent are told as what they are', async (t) => {
  const { cache, origin, urlOf } = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-length': content.length })
    if (request.url === '/half') response.write(content.subarray(0, 5000))
  })
  const refused = async (url: string, message: RegExp) => {
    const error = await t.throwsAsync(downloadFile(url, { cache, silenceMs: 2000 }), { instanceOf: LabError })
    t.regex(error!.message, message)
    t.regex(error!.hint!, /curl/)
  }
  await refused(urlOf('quiet'), /^http:\S+\/quiet: can't be downloaded: the server said nothing for 2 s$/)
  await refused(
    `http://no-such-host.invalid/x#sha256=${sum}`,
    /x: can't be downloaded: (there is no host|the host's name)/,
  )
  // A port that nobody listens on: one that was just given back.
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  await refused(
    `${origin.replace(/\d+$/, String(port))}/x#sha256=${sum}`,
    /nobody listens there \(connection refused\)$/,
  )
  // It begins again where it stopped, and gives up where nothing more comes.
  await refused(urlOf('half'), /\/half: can't be downloaded: the server .* after 5000 bytes$/)
})

test('an abort ends a download, and the next one goes on with it', async (t) => {
  const controller = new AbortController()
  const { cache, requests, urlOf } = await serve(t, (request, response, count) => {
    if (count > 1) return sendFile(request, response, count)
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 5000))
    const look = setInterval(async () => {
      const part = await stat(path.join(cache, 'downloads', sum, 'part')).catch(() => undefined)
      if ((part?.size ?? 0) < 5000) return
      clearInterval(look)
      controller.abort()
    }, 20)
  })
  const { signal } = controller
  await t.throwsAsync(downloadFile(urlOf('bzImage'), { cache, signal }), { name: 'AbortError' })
  t.deepEqual(await readFile(await downloadFile(urlOf('bzImage'), { cache })), content)
  t.is(requests[1]?.range, 'bytes=5000-')
})

test('what nobody used for two weeks is removed when another file is downloaded', async (t) => {
  const { cache, urlOf } = await serve(t, sendFile)
  const [old, recent] = ['1'.repeat(64), '2'.repeat(64)]
  for (const name of [old, recent]) await mkdir(path.join(cache, 'downloads', name), { recursive: true })
  const longAgo = new Date(Date.now() - 15 * 24 * 3600 * 1000)
  await utimes(path.join(cache, 'downloads', old), longAgo, longAgo)
  await downloadFile(urlOf('bzImage'), { cache })
  // A folder has no order, and AVA compares that of sets too.
  const left = await readdir(path.join(cache, 'downloads'))
  t.is(left.length, 2)
  t.true(left.includes(recent) && left.includes(sum))
})

test('a proxy of the environment is asked, but not for what NO_PROXY names', async (t) => {
  const { cache, requests, origin, urlOf } = await serve(t, sendFile)
  const env = { HTTP_PROXY: origin, NO_PROXY: '127.0.0.1' }
  await downloadFile(`http://made-up.invalid/a#sha256=${sum}`, { cache, env })
  await downloadFile(urlOf('b'), { cache, env })
  t.deepEqual(
    requests.map(({ url }) => url),
    ['http://made-up.invalid/a', '/b'],
  )
})

test('names of files are made safe', async (t) => {
  const { cache, urlOf } = await serve(t, sendFile)
  const nameOf = async (file: string) => path.basename(await downloadFile(urlOf(file), { cache }))
  t.is(await nameOf('a/'), 'file')
  t.is(await nameOf('part'), 'file')
  t.is(await nameOf('..%2f..%2fetc%2fpasswd'), '.._.._etc_passwd')
  t.is(await nameOf('%2e%2e'), 'file')
  t.is(await nameOf('bzImage-6.1+x~1'), 'bzImage-6.1+x_1')
})

for (const [text, message] of [
  ['https://host/x', /^needs the checksum of its file at its end: #sha256= and 64 .* prints them$/],
  ['https://host/x#sha256=abc', /^needs the checksum .*; it ends with #sha256=abc$/],
  ['https://host/x#md5=abc', /it ends with #md5=abc$/],
  [`ftp://host/x#sha256=${sum}`, /^is no http or https URL$/],
  [`http://#sha256=${sum}`, /^is no http or https URL$/],
  [`https://me:secret@host/x#sha256=${sum}`, /^holds a user or password/],
] as const)
  test(`refused: ${text.slice(0, 40)}`, async (t) => {
    t.true(isUrl(text))
    t.regex(urlMistake(text)!, message)
    await t.throwsAsync(downloadFile(text), { instanceOf: UsageError })
  })

test('paths are no URLs', (t) => {
  for (const text of ['bzImage', '/boot/a:b', './http:/x', 'C:\\x', 'a//b']) t.false(isUrl(text), text)
  t.is(urlMistake(`http://host/x#sha256=${sum}`), undefined)
})
