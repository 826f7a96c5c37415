import test from 'ava'
import { digestAuth } from './digest.ts'

const mufasa = {
  method: 'GET',
  uri: '/dir/index.html',
  user: 'Mufasa',
  password: 'Circle of Life',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
}

test('the example of RFC 7616, section 3.9.1, comes out', (t) => {
  const challenge =
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
  const header = digestAuth({ ...mufasa, challenge }) ?? ''
  t.regex(header, /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/)
  t.regex(header, /^Digest username="Mufasa", realm="http-auth@example\.org", /)
  t.regex(header, /opaque="FQhe\/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"$/)
})

test('another kind of challenge is refused', (t) => {
  t.is(digestAuth({ ...mufasa, challenge: 'Basic realm="x"' }), undefined)
  t.is(digestAuth({ ...mufasa, challenge: 'Digest realm="x", nonce="y", qop="auth"' }), undefined)
  t.is(digestAuth({ ...mufasa, challenge: 'Digest realm="x", algorithm=SHA-256, qop="auth"' }), undefined)
})
