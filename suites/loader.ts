/** A bootloader as a person uses it: each entry, its time-out, its editor, and what it says of an entry that can't boot. */
import { readFile } from 'node:fs/promises'
import { KexecFailure } from '../harness/errors.ts'
import { signatureNames } from '../images/pe-signature.ts'
import type { TargetConfig } from '../images/target-configs.ts'
import { aboutSigned, knownKeys, knows } from './support/signatures.ts'
import { openSuite } from './support/suite.ts'

/** As a person calls them. */
const configTitles: Record<TargetConfig, string> = {
  grub: 'a grub.cfg',
  bls: 'BLS entries',
  blscfg: 'a grub.cfg that asks for BLS entries',
  extlinux: 'an extlinux.conf',
  syslinux: 'a syslinux.cfg',
  petitboot: 'a petitboot.conf',
  kboot: 'a kboot.conf',
  yaboot: 'a yaboot.conf',
  kexecboot: 'a boot.cfg',
}

const suite = await openSuite('loader')
const iterations = suite.iterations(1)

suite.menuTest('shows every entry of the disk', async (t, bootloader) => {
  const menu = await bootloader.session.powerOn()
  const shown = bootloader.labels(menu)
  const missing = bootloader.entries
    .map(({ label }) => bootloader.shown(label))
    .filter((label) => !shown.includes(label))
  if (missing.length > 0)
    throw new KexecFailure(
      `the menu lacks ${missing.join(', ')}; the screen shows:\n${bootloader.session.screenText}`,
    )
  t.pass()
})

for (const label of ['Main Linux A', 'Main Linux B', 'Main Linux C'])
  suite.choiceTest(`boots “${label}” when it is selected`, async (t, bootloader) => {
    for (let iteration = 1; iteration <= iterations; iteration++)
      t.true((await bootloader.boot({ by: 'label', label }, { iteration, iterations })).proven)
  })

suite.menuTest('boots the default entry when nobody presses a key', async (t, bootloader) => {
  t.true((await bootloader.boot({ by: 'time-out' })).proven)
})

suite.choiceTest('boots an entry whose command line was edited in its menu', async (t, bootloader) => {
  if (!bootloader.loader.canEdit) return suite.skip(`${bootloader.loader.name} has no editor`)
  const edit = 'kexec_harness.edited=1'
  await bootloader.boot({ by: 'label', label: 'Main Linux B', edit })
  const { output } = await bootloader.run('cat /proc/cmdline')
  t.regex(output, /\bkexec_harness\.edited=1\b/, 'the command line of the kernel that was booted')
})

suite.menuTest('goes to its shell and back to its menu', async (t, bootloader) => {
  const { shell } = bootloader.loader
  if (!shell) return suite.skip(`${bootloader.loader.name} has no shell to go to`)
  const before = bootloader.labels(await bootloader.session.atMenu())
  const inside = await shell.enter(bootloader.session.ui())
  const { output } = await inside.run('cat /proc/version', { timeoutMs: bootloader.loadMs })
  t.regex(output, /^Linux version /m, 'an answer of the shell')
  const menu = await shell.leave(bootloader.session.ui())
  bootloader.session.seen(menu)
  t.deepEqual(bootloader.labels(menu), before)
})

suite.choiceTest('finds its entries again when it is told to rescan', async (t, bootloader) => {
  const { loader, session } = bootloader
  if (!loader.rescan) return suite.skip(`${loader.name} has no key to rescan`)
  const before = bootloader.labels(await session.atMenu())
  const menu = await loader.rescan(session.ui())
  session.seen(menu)
  t.deepEqual(bootloader.labels(menu), before)
})

for (const { label, what } of [
  { label: 'Bad: not a kernel', what: 'that is no kernel' },
  { label: 'Bad: missing file', what: 'whose kernel is missing' },
  { label: 'Bad: corrupt kernel', what: 'whose kernel is corrupt' },
  { label: 'Bad: wrong architecture', what: 'of another architecture' },
  { label: 'Bad: larger than memory', what: 'whose kernel is larger than memory' },
])
  suite.choiceTest(
    `says why it does not boot an entry ${what}, and is usable afterwards`,
    async (t, bootloader) => {
      if (!bootloader.entries.some((entry) => entry.label === label))
        return suite.skip(`no entry ${what} is offered by TFTP: to fetch it takes longer than any limit`)
      const { failure, diagnosis } = await bootloader.bootInVain({ by: 'label', label })
      t.truthy(diagnosis, 'a diagnosis')
      suite.note(`${bootloader.loader.name}, an entry ${what}: ${failure?.message ?? diagnosis?.summary}`)
      t.true((await bootloader.boot({ by: 'label', label: 'Main Linux A' })).proven)
    },
  )

for (const config of await suite.otherConfigs())
  suite.choiceTest(
    `boots an entry of a disk with nothing but ${configTitles[config]}`,
    async (t, bootloader) => {
      await bootloader.withDisk(config, async () => {
        t.true((await bootloader.boot({ by: 'label', label: 'Main Linux B' })).proven)
      })
    },
  )

suite.choiceTest(
  'refuses an unsigned kernel when its own kernel is locked down, and boots a signed one whose signer it knows',
  async (t, bootloader) => {
    const { loader, session } = bootloader
    const names = signatureNames(await readFile(bootloader.kernelFile))
    await bootloader.withSignerVouchedFor(async (whyNot) => {
      if (whyNot !== undefined) suite.note(`its firmware does not vouch for the kernel's signer: ${whyNot}`)
      const from = bootloader.board.console.position
      await session.powerOn({ append: 'lockdown=integrity' })
      const known = knownKeys(bootloader.board.console.since(from))
      const unsigned = await bootloader.bootInVain({ by: 'label', label: 'Unsigned' })
      t.truthy(unsigned.diagnosis, 'a diagnosis')
      suite.note(`${loader.name}, an unsigned kernel under lockdown: ${unsigned.failure?.message ?? ''}`)
      const signed = await bootloader.attempt({ by: 'label', label: 'Main Linux A' })
      suite.note(`${loader.name}, a signed kernel under lockdown: ${aboutSigned(signed, names, known)}`)
      if (knows(names, known)) t.true(signed.proven, 'the boot of a signed kernel whose signer is known')
    })
    await session.powerOn()
    t.true((await bootloader.boot({ by: 'label', label: 'Main Linux A' })).proven)
  },
)
