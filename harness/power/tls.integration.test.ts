import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { LabError } from '../errors.ts'
import { inTime, programOrSkip, temporaryFolder } from './daemon-fixture.ts'
import { request } from './http.ts'

test('a certificate that nobody vouches for is refused, unless any is accepted', async (t) => {
  const openssl = await programOrSkip(t, { program: 'openssl', packages: ['openssl'] })
  if (openssl === undefined) return t.pass()
  const folder = await temporaryFolder(t)
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=bmc']
  await execa(openssl, ['req', '-x509', ...kind, '-keyout', key, '-out', cert])
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
    response.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = new URL(`https://127.0.0.1:${(server.address() as { port: number }).port}/`)
  const error = await t.throwsAsync(request('the BMC', { url, signal: inTime() }), {
    instanceOf: LabError,
    message: 'the BMC has a certificate that this host does not trust (DEPTH_ZERO_SELF_SIGNED_CERT)',
  })
  t.regex(String((error as LabError | undefined)?.hint), /verifyTls: false/)
  const answer = await request('the BMC', { url, verifyTls: false, signal: inTime() })
  t.is(answer.status, 200)
  t.is(answer.body, '{}')
})
