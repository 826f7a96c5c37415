/** The doctor boots boards of the bench rig through descriptors as a real rack's are. */
import test from 'ava'
import { ensureProgram } from '../../../images/host-packages.ts'
import { resolveImage } from '../../../images/image.ts'
import { type RigBoard, startRig } from '../../../qemu/rig/rig.ts'
import { LabError } from '../../errors.ts'
import { Workspace } from '../command-fixture.ts'
import { qemuPrograms } from '../prepare-qemu.ts'

const names = { good: `lab-good-${process.pid}`, dead: `lab-dead-${process.pid}` }

async function rigBoard(name: string, faults: RigBoard['rig']['faults']): Promise<RigBoard> {
  const { kernel, initramfs, payload } = await resolveImage('bookworm-cloud-amd64')
  return {
    name,
    arch: 'x86_64',
    machine: { type: 'q35', cpu: 'max', cpus: 1, memory: 1024, accelerator: 'tcg' },
    program: await ensureProgram(qemuPrograms.x86_64),
    kernel,
    ...(initramfs ? { initramfs } : {}),
    append: 'console=ttyS0 earlyprintk=ttyS0,115200',
    drives: payload.disk === null ? [] : [{ path: payload.disk, readOnly: true, serial: 'kexec-payload' }],
    console: { type: 'rig', as: 'serial', baud: 115_200 },
    power: { type: 'rig', as: 'pdudaemon', offDwell: '500ms' },
    rig: { firmware: 'none', faults },
  }
}

test.serial('doctor --power boots a board and says what a kexec would miss', async (t) => {
  const signal = new AbortController().signal
  let rig: Awaited<ReturnType<typeof startRig>>
  try {
    const boards = [await rigBoard(names.good, []), await rigBoard(names.dead, [{ type: 'dead-relay' }])]
    rig = await startRig(boards, { signal })
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    t.log(`not run: ${error.message}`)
    return t.pass()
  }
  await using _rig = rig
  await using place = new Workspace()
  const descriptor = (name: string, keys: object) =>
    place.write(`${name}.yaml`, JSON.stringify({ name, arch: 'x86_64', ...rig.connection(name), ...keys }))
  const good = descriptor(names.good, {
    stages: [{ type: 'shell', ready: 'HARNESS READY', setup: ['harness-payload'] }],
    image: { kernel: '/payload/kernel', initramfs: '/payload/no-such-file' },
    limits: { boot: '3m' },
  })
  const { status, stdout, stderr } = await place.run(['doctor', '--board', good, '--power'])
  t.log(stdout)
  t.is(status, 3, stderr)
  for (const what of ['power off', 'power on', 'first output', 'stage shell', 'shell', 'kernel'])
    t.regex(stdout, new RegExp(`^ok +${what} `, 'm'))
  t.regex(stdout, /^broken +initramfs +\/payload\/no-such-file is not on the board/m)
  t.regex(stdout, /^ok +kexec-tools +kexec-tools \d/m)
  t.regex(stdout, /^ok +CONFIG_KEXEC /m)
  t.regex(stdout, /^(ok|unclear) +sysrq /m)
  t.regex(stdout, /^ok +power off again /m)
  t.regex(stdout, /^1 to mend/m)
  t.false(rig.isOn(names.good))

  const dead = await place.run([
    'doctor',
    '--power',
    '--board',
    descriptor(names.dead, { limits: { boot: '8s' } }),
  ])
  t.is(dead.status, 3)
  t.regex(dead.stdout, /^ok +power on /m, 'the relay says yes')
  t.regex(dead.stdout, /^broken +first output +not a line within \d+\.\d s after power-on/m)
})
