import test from 'ava'
import { execa } from 'execa'
import { LabError } from '../../errors.ts'
import { Console } from '../console.ts'
import { openLink } from '../link.ts'
import { closing, Ear, has, Lab, patient, until } from './loopback-fixture.ts'
import { connectSerial, type SerialConfig, serialSchema } from './serial.ts'

const at = (path: string): SerialConfig => serialSchema.parse({ type: 'serial', path })

/** Every byte there is, so that nothing is translated on the way. */
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

test('every byte goes through a serial port, both ways', async (t) => {
  if (!(await has(t, 'socat'))) return
  await using lab = new Lab()
  const cable = await lab.cable()
  const ear = new Ear()
  await using connection = closing(await connectSerial(at(cable.path))(ear, patient()))
  const beforeNs = process.hrtime.bigint()
  cable.say(allBytes)
  await until(() => ear.heard.length >= 256, 'what the board said')
  t.deepEqual(ear.heard, allBytes)
  t.true(ear.stampsNs.every((atNs) => atNs > beforeNs && atNs < process.hrtime.bigint()))
  const long = Buffer.alloc(50_000, allBytes)
  await connection.write(long)
  await until(() => cable.heard.length >= long.length, 'what was typed')
  t.deepEqual(cable.heard, long)
  // A PTY has no modem lines (ENOTTY).
  t.is(connection.sendBreak, undefined)
})

test('a port has one reader: the second one is told who holds it', async (t) => {
  if (!(await has(t, 'socat'))) return
  await using lab = new Lab()
  const cable = await lab.cable()
  await using _first = closing(await connectSerial(at(cable.path))(new Ear(), patient()))
  const error = await t.throwsAsync(connectSerial(at(cable.path))(new Ear(), patient()), {
    instanceOf: LabError,
  })
  t.regex(error.message, /\/port is held by .*this run itself/)
  t.regex(error.hint!, /only one reader/)
})

test('what is no serial port is called so', async (t) => {
  await using lab = new Lab()
  const open = (path: string) => connectSerial(at(path))(new Ear(), patient())
  const missing = await t.throwsAsync(open(lab.path('ttyUSB9')), { instanceOf: LabError })
  t.regex(missing.message, /^there is no serial port .*ttyUSB9$/)
  t.regex(missing.hint!, /No USB serial adapter is connected|Ports that are there: /)
  await t.throwsAsync(open(lab.write('file', '')), {
    instanceOf: LabError,
    message: /file is no serial port$/,
  })
  await t.throwsAsync(open('/dev/null'), { instanceOf: LabError, message: /is no serial port$/ })
})

test('a board that is unplugged and plugged in again goes on over the same link, with a hole marked', async (t) => {
  if (!(await has(t, 'socat'))) return
  await using lab = new Lab()
  const first = await lab.cable()
  const console = new Console({ write: async () => {} })
  const events: string[] = []
  await using link = await openLink(
    {
      what: 'console of juno',
      connect: connectSerial(at(first.path)),
      events: {
        bytes: (chunk, atNs) => console.feed(chunk, atNs),
        lost: (reason, atNs) => {
          events.push(`lost: ${reason}`)
          console.hole(reason, atNs)
        },
        back: (atNs) => {
          events.push('back')
          console.back(atNs)
        },
        gone: (error) => events.push(`gone: ${error.message}`),
      },
    },
    patient(),
  )
  first.say('one\ntwo\nthr')
  await until(() => console.position === 11, 'the first words')
  await first.unplug()
  await until(() => events.length > 0, 'the loss')
  await t.throwsAsync(link.write(Buffer.from('x')), {
    instanceOf: LabError,
    message: /^console of juno is lost \(the port hung up.*\): no input gets through$/,
  })
  const second = await lab.cable()
  await until(() => events.length === 2, 'the way back')
  second.say('four\nfive\n')
  await until(() => console.since(0).includes('five\n'), 'the words after')
  t.is(console.since(0), 'one\ntwo\nthr\nfour\nfive\n')
  t.regex(events.join(), /^lost: the port hung up[^,]*(, as[^,]*)?,back$/)
  t.is(console.holes.length, 1)
  t.is(console.holes[0]!.position, 11)
  await link.write(Buffer.from('typed'))
  await until(() => second.heard.toString() === 'typed', 'what was typed')
  t.false(await link.sendBreak())
})

test('a board that talks while it is unplugged is noticed: its port answers 0 bytes, without end', async (t) => {
  if (!(await has(t, 'socat')) || process.geteuid?.() !== 0) return t.pass()
  await using lab = new Lab()
  const cable = await lab.cable()
  const ear = new Ear()
  await using _connection = closing(await connectSerial(at(cable.path))(ear, patient()))
  cable.say('x'.repeat(2000))
  await until(() => ear.heard.length === 2000, 'what the board said')
  // What the kernel does to the port of a USB adapter that is pulled out; a PTY that is closed gives EIO instead.
  const tiocvhangup = '0x5437'
  const script = `import fcntl, os, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), ${tiocvhangup})`
  const hangUp = await execa('python3', ['-c', script, cable.path], { reject: false })
  if (hangUp.failed) {
    t.log(`not run: ${hangUp.shortMessage}`)
    return t.pass()
  }
  await until(() => ear.end !== undefined, 'the hang-up')
  t.regex(ear.end!, /hung up/)
})
