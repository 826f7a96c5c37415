/** ../loader/recordings/systemctl-kexec.cast: Debian 12 on QEMU, x86_64, from `systemctl kexec` to the new kernel's first lines. */
import test from 'ava'
import { openCast } from '../console/cast/cast-fixture.ts'
import { Handover } from './handover.ts'
import { loadMarkers } from './markers.ts'

test('neither the prompt that comes back nor systemd’s own words are taken for a border', async (t) => {
  const borders: string[] = []
  const handover = new Handover({
    markers: await loadMarkers('x86_64', { lastOldLine: [], firstNewLine: [], firmware: [] }),
    onBorder: (border, { text }) => borders.push(`${border}: ${text.replace(/^\[.*?\] /, '').slice(0, 40)}`),
  })
  await using played = await openCast(new URL('../loader/recordings/systemctl-kexec.cast', import.meta.url), {
    speed: 0,
  })
  played.console.onLine((line) => handover.line(line))
  await played.ended
  t.deepEqual(borders, [
    'lastOld: kexec_core: Starting new kernel',
    'firstNew: Linux version 6.1.0-56-amd64 (debian-ker',
  ])
  const text = played.console.since(0)
  const [prompt, shutdown] = ['root@hilboard:~# ', 'Rebooting with kexec.'].map((word) => text.indexOf(word))
  t.true(prompt! > 0 && prompt! < shutdown!, 'the recording is the one that this is about')
})
