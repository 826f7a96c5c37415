import test from 'ava'
import { execa } from 'execa'
import { compareDebianVersions } from './debian-version.ts'

const inOrder = [
  '2.6.32-5',
  '5.10.218-1',
  '5.10.223-1',
  '6.1.172-1~deb11u1',
  '6.1.172-1',
  '6.1.192-2',
  '6.12~rc1-1~exp1',
  '6.12.90-1',
  '6.12.100-1~bpo12+1',
  '6.12.100-1~deb12u1',
  '6.12.100-1',
  '6.12.100+deb13-1',
  '7.2.13-1',
  '7.2.13-1+b1',
  '1:0.9-1',
]

test('versions of kernels are in the order in which Debian has them', (t) => {
  t.deepEqual(inOrder.toReversed().sort(compareDebianVersions), inOrder)
  t.is(compareDebianVersions('6.1.0-1', '6.01.0-1'), 0)
  t.is(compareDebianVersions('6.1', '6.1-0'), 0)
})

test('dpkg says the same of each pair', async (t) => {
  const odd = [
    '1.0a',
    '1.0+',
    '1.0~~',
    '1.0~~a',
    '1.0~',
    '1.0',
    '1.0-1a',
    '1.0-1.1',
    '0:1.0',
    '1.0-~1',
    '1a.2',
  ]
  const all = [...inOrder, ...odd]
  let compared = 0
  // Each third one: every pair would start a process.
  for (const [at, left] of all.entries())
    for (const right of all.filter((_, index) => index > at && (index + at) % 3 === 0)) {
      const { exitCode, code } = await execa('dpkg', ['--compare-versions', left, 'lt', right], {
        reject: false,
      })
      if (code === 'ENOENT') {
        t.log('not run: there is no dpkg here')
        return t.pass()
      }
      compared++
      t.is(exitCode === 0, compareDebianVersions(left, right) < 0, `${left} lt ${right}`)
    }
  t.true(compared > 50)
})
