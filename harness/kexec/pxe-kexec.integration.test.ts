/** pxe-kexec, the real one, against QEMU's TFTP server. */
import test from 'ava'
import type { LoadMethod } from '../loader/loader.ts'
import { pxeKexec } from '../loader/pxe-kexec.ts'
import { diagnosisOf, openSession } from './session-fixture.ts'

const board = 'qemu-x86_64-pxe'
const server = '10.0.2.2'
const method: LoadMethod = { syscall: 'kexec_load', checks: true, ifdown: true }

test.serial('a label is fetched, kexec’d and proven; one that is not there is named', async (t) => {
  const main = pxeKexec({ server, label: 'main', dialogue: false })
  const bogus = pxeKexec({ server, label: 'bogus', dialogue: false })
  let loader = bogus
  const { session, board: opened } = await openSession(t, {
    board,
    loader: {
      ...main,
      load: (...all) => loader.load(...all),
    },
  })

  // Before anything was published, the server has no pxelinux.cfg.
  await session.ensureRunning()
  const files = { kernel: '', initramfs: null, append: '' }
  const asking = pxeKexec({ server, label: 'main', dialogue: true })
  const empty = await asking.load(opened.shell, files, method, { timeoutMs: 300_000 })
  t.is(empty.loaded, false)
  t.regex(empty.output, /No PXE configuration found\./)

  const unknown = diagnosisOf(t, await session.cycle(method))
  t.is(unknown.kind, 'load-error')
  t.regex(unknown.summary, /pxe-kexec could not load the kernel: Entry bogus does not exist\./)

  // The old kernel still runs: what was typed at pxe-kexec left nothing behind in the shell.
  loader = main
  const cycle = await session.cycle(method)
  t.true(cycle.proven, cycle.failure?.message)
  t.is(cycle.generation, 1)
  t.regex(await commandLine(), / kexec_harness\.entry=main /)

  async function commandLine(): Promise<string> {
    return (await opened.shell.run('cat /proc/cmdline', { timeoutMs: 60_000 })).output
  }
})

test.serial('a person’s dialogue chooses the entry, and adds the nonce to its command line', async (t) => {
  const loader = pxeKexec({ server, label: 'rescue', dialogue: true })
  const { session, board: opened } = await openSession(t, { board, loader })
  const cycle = await session.cycle(method)
  t.true(cycle.proven, cycle.failure?.message)
  const { output } = await opened.shell.run('cat /proc/cmdline', { timeoutMs: 60_000 })
  t.regex(output, /^initrd=initramfs kexec_harness\.entry=rescue .* kexec_harness\.nonce=/)
})
