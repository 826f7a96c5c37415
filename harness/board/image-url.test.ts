/** Kernels and initramfs that a descriptor names by URL. */
import test from 'ava'
import { loadDescriptor, parsedDescriptor } from './descriptor.ts'
import { errorOf, folderWith, minimal } from './descriptor-fixture.ts'

const sum = '0123456789abcdef'.repeat(4)
const url = 'https://ci.example.org/nightly/bzImage'
const withImage = (image: string) => minimal.replace('image: bookworm-cloud-amd64', `image: ${image}`)

for (const [what, kernel] of [
  ['as text', `"${url}#sha256=${sum}"`],
  ['as keys', `{ url: "${url}", sha256: ${sum.replaceAll('0', 'a')} }`],
] as const)
  test(`a URL ${what} stays one, while paths become absolute; it can be parsed again`, async (t) => {
    const folder = await folderWith(t, withImage(`{ kernel: ${kernel}, initramfs: mine.img }`))
    const descriptor = await loadDescriptor('mine', folder)
    t.regex(descriptor.image.kernel!, /^https:\/\/ci\.example\.org\/nightly\/bzImage#sha256=[0-9a-f]{64}$/)
    t.is(descriptor.image.initramfs, `${folder}/mine.img`)
    t.deepEqual(parsedDescriptor.parse(JSON.parse(JSON.stringify(descriptor))), descriptor)
  })

for (const [what, image, message] of [
  [
    'no checksum',
    `{ kernel: "${url}" }`,
    /mine\.yaml:6:18: image\.kernel: needs the checksum of its file at its end: #sha256= and 64/,
  ],
  [
    'a short checksum',
    `{ initramfs: "${url}#sha256=12" }`,
    /:6:21: image\.initramfs: .*; it ends with #sha256=12$/m,
  ],
  [
    'another protocol',
    `{ kernel: "ftp://host/x#sha256=${sum}" }`,
    /image\.kernel: is no http or https URL$/m,
  ],
  [
    'a password',
    `{ kernel: { url: "https://me:secret@host/x", sha256: ${sum} } }`,
    /image\.kernel\.url: holds a user or password/,
  ],
  [
    'a short checksum as a key',
    `{ kernel: { url: "${url}", sha256: abc } }`,
    /image\.kernel\.sha256: found "abc" \(string\), expected 64 hexadecimal digits/,
  ],
  [
    'a misspelt key',
    `{ kernel: { url: "${url}", sha265: ${sum} } }`,
    /unknown key "sha265".*did you mean "sha256"\?/,
  ],
] as const)
  test(`a URL with ${what} is told at its place`, async (t) => {
    const message_ = await errorOf(t, withImage(image))
    t.log(message_)
    t.regex(message_, message)
  })

test('a real board has files of its own, not URLs', async (t) => {
  const real = withImage(`{ kernel: "${url}#sha256=${sum}" }`)
    .replace('console: { type: qemu }', 'console: { type: tcp, host: rack1, port: 2001 }')
    .replace('power: { type: qemu }', 'power: { type: command, on: [on], off: [off] }')
    .replace('machine: { type: q35 }\n', '')
  t.regex(
    await errorOf(t, real),
    /image\.kernel: a real board kexecs files that lie on it, so this is a path there/,
  )
})
