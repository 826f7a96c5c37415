/** Bisection of real kernels on a QEMU board, and what `git bisect run` is told. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { resolveImage } from '../../../images/image.ts'
import { isClear, Workspace } from '../command-fixture.ts'

/** A bzImage that says it needs 2 GiB to unpack (init_size; Documentation/arch/x86/boot.rst): kexec-tools finds no room. */
function tooLarge(kernel: Buffer): Buffer {
  const copy = Buffer.from(kernel)
  copy.writeUInt32LE(2 ** 31 - 4096, 0x260)
  return copy
}

test.serial(
  'the first of three kernels that can not be loaded is named, and nothing is tested twice',
  async (t) => {
    await using place = new Workspace()
    const image = await resolveImage('bookworm-cloud-amd64')
    const kernel = readFileSync(image.kernel)
    mkdirSync(place.path('builds'))
    for (const [name, content] of [
      ['vmlinuz-2', kernel],
      ['vmlinuz-10', tooLarge(kernel)],
      ['vmlinuz-11', tooLarge(kernel)],
    ] as const)
      writeFileSync(place.path('builds', name), content)
    const board = place.board('b')
    const { status, stdout, stderr } = await place.run([
      ...['bisect', '--board', board, '--kernels', place.path('builds'), '--old', image.name],
      ...['--suite', 'stress', '--iterations', '1', '--results', place.results],
    ])
    t.is(status, 0, stderr)
    t.regex(stdout, /^first bad: vmlinuz-10$/m)
    t.regex(stdout, /^last good: vmlinuz-2$/m)
    t.regex(stdout, /^tested: {4}3 of 3/m)
    const [folder] = readdirSync(place.results).filter((name) => name.startsWith('bisect-'))
    const runs = readdirSync(join(place.results, folder!)).filter((name) => /^\d{4}-/.test(name))
    t.is(runs.length, 3)
    const again = await place.run(['bisect', '--resume', '--results', place.results])
    t.is(again.status, 2)
    isClear(t, again.stderr, 'no unfinished bisection')
  },
)

test.serial('what was typed wrong ends a `git bisect run`, and makes no commit bad', async (t) => {
  await using place = new Workspace()
  const statusOf = async (...args: string[]) => (await place.run(['test', ...args])).status
  t.is(await statusOf('--sute', 'smoke'), 2)
  t.is(await statusOf('--bisect', '--sute', 'smoke'), 129)
  t.is(await statusOf('--bisect', '--board', 'nosuch'), 129)
  t.is(await statusOf('--bisect', '--board', 'qemu-x86_64', '--kernel', place.path('bzImage')), 129)
})
