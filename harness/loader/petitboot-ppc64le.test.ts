import test from 'ava'
import { openCast } from '../console/cast/cast-fixture.ts'
import { petitboot } from './petitboot.ts'

// petitboot v1.15-14-g96063aa with Debian's 6.1 kernel on QEMU's powernv9, from skiboot's last words on; this loader typed.

test('ppc64le: a vmlinux that was cut short is refused, and an entry boots', async (t) => {
  await using played = await openCast(new URL('recordings/petitboot-ppc64le.cast', import.meta.url), {
    speed: 0,
    redrawOn: '\f',
  })
  const { console, screen } = played
  const over = new AbortController()
  const ui = { console, screen, timeoutMs: 30_000, signal: over.signal }
  const menu = await petitboot.arrive(ui, { from: 0, holdCountdown: true })
  t.deepEqual(
    menu.entries.filter(({ isDefault }) => isDefault),
    [{ label: 'Main Linux A', isDefault: true }],
  )
  t.is(menu.entries.length, 7)

  const said: string[] = []
  const watch = { chosen: () => {}, executing: (_: bigint, words: string) => void said.push(words) }
  t.deepEqual(await petitboot.boot(ui, { by: 'label', label: 'Bad: corrupt kernel' }, watch), {
    message:
      'kexec load failed: Cannot determine the file type of /var/petitboot/mnt/dev/vda1/boot/corrupt-kernel',
    usable: true,
  })
  t.deepEqual(said, [])

  const from = console.position
  const booted = console.expect(/Kernel command line: ([^\r\n]*)/, {
    timeoutMs: 60_000,
    from,
    what: 'command line of the new kernel',
  })
  const refused = petitboot.boot(ui, { by: 'label', label: 'Main Linux B (verbose)' }, watch)
  const { groups } = await Promise.race([booted, refused.then((refusal) => t.fail(refusal.message) as never)])
  over.abort(new Error('over'))
  await Promise.allSettled([refused])
  t.is(groups[0]?.trim(), 'console=hvc0 loglevel=7 target=B')
  t.deepEqual(said, ['Performing kexec reboot: shutdown -r now, "The system is going down NOW!"'])
})
