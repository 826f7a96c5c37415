import test from 'ava'
import { isKernel } from './kernel-versions.ts'

test('a kernel of a flavour is told from meta packages and from other flavours', (t) => {
  const kernels = [
    'linux-image-5.10.0-46-amd64',
    'linux-image-6.1.0-0.deb11.48-amd64',
    'linux-image-6.12.90+deb13.1-amd64',
    'linux-image-7.2.13+deb14-amd64',
    'linux-image-7.3~rc1-amd64',
    'linux-image-6.12.9+bpo-amd64',
  ]
  const others = [
    'linux-image-amd64',
    'linux-image-6.1-amd64',
    'linux-image-amd64-signed-template',
    'linux-image-6.1.0-48-cloud-amd64',
    'linux-image-6.1.0-48-rt-amd64',
    'linux-image-6.1.0-48-amd64-dbg',
    'linux-image-6.1.0-48-amd64-unsigned',
    'linux-headers-6.1.0-48-amd64',
  ]
  for (const name of kernels) t.true(isKernel(name, 'amd64'), name)
  for (const name of others) t.false(isKernel(name, 'amd64'), name)
  t.true(isKernel('linux-image-6.1.0-48-cloud-amd64', 'cloud-amd64'))
})
