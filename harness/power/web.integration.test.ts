import { readdir, readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { openPower, type PowerControl } from './control.ts'
import { inTime, programOrSkip, until } from './daemon-fixture.ts'
import { type SimulatedPdu, startSimulatedPdu } from './simulated-pdu-page-fixture.ts'
import { webSchema } from './web.ts'

const password = 'Gr8"sécret'
process.env.WEB_TEST_PASSWORD = password
process.env.WEB_TEST_WRONG_PASSWORD = 'no such word'
const inFrame = { frame: 'iframe[name=outlets]' }
const button = (name: string) => ({ do: 'click', role: 'button', name, ...inFrame })
const shows = (state: string) => ({
  do: 'expect',
  selector: `#outlet-3 .state:has-text("${state}")`,
  ...inFrame,
})

function configFor(pdu: SimulatedPdu, extra: object = {}) {
  return webSchema.parse({
    ...{ type: 'web', url: pdu.url, offDwell: '10ms', retries: 0 },
    login: [
      { do: 'fill', label: 'User', value: 'lab' },
      { do: 'fill', label: 'Password', secret: { env: 'WEB_TEST_PASSWORD' } },
      { do: 'click', role: 'button', name: 'Log in' },
      { do: 'expect', text: 'Outlets' },
    ],
    on: [{ do: 'goto', path: '/' }, button('Outlet 3 on'), shows('ON')],
    off: [{ do: 'goto', path: '/' }, { ...button('Outlet 3 off'), accept: 'outlet 3 off?' }, shows('OFF')],
    state: {
      steps: [{ do: 'goto', path: '/' }],
      selector: '#outlet-3 .state',
      ...inFrame,
      on: 'ON',
      off: 'OFF',
    },
    ...extra,
  })
}

/** Processes of chromium that this one has started. */
async function chromiums(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.filter(
    (stat) => /\(chrom/.test(stat) && stat.split(') ')[1]?.split(' ')[1] === String(process.pid),
  )
}

async function withPage(t: ExecutionContext, run: (pdu: SimulatedPdu) => Promise<void>): Promise<void> {
  const chromium = await programOrSkip(t, { program: 'chromium', packages: ['chromium'] })
  if (chromium === undefined) t.pass()
  else await run(await startSimulatedPdu(t, password))
}

async function messageOf(t: ExecutionContext, power: PowerControl, action: 'on' | 'off'): Promise<string> {
  const error = await t.throwsAsync(power[action](inTime()), { instanceOf: LabError })
  let told = ''
  for (let each: unknown = error; each instanceof Error; each = each.cause) told += `${each.stack}\n`
  t.notRegex(told, /Gr8|no such word/)
  return error?.message ?? ''
}

test.serial(
  'a PDU with only a web page is operated by a browser, which goes when it is closed',
  async (t) => {
    await withPage(t, async (pdu) => {
      const log: string[] = []
      {
        await using power = await openPower('juno', configFor(pdu), (text) => log.push(text))
        t.is(await power.state(inTime()), 'off')
        await power.cycle(inTime())
        t.true(pdu.on)
        t.is(pdu.logins, 1)
        pdu.expire()
        await power.off(inTime())
        t.false(pdu.on)
        t.is(pdu.logins, 2)
        t.is((await chromiums()).length, 1)
      }
      await until(async () => (await chromiums()).length === 0)
      t.is(pdu.refused, 0)
      const page = `the PDU's page at ${pdu.url}`
      t.deepEqual(log, [
        `power off: ${page} says off`,
        `power on: ${page} says on`,
        `power off: ${page} says off`,
      ])
    })
  },
)

test.serial(
  'a wrong password, another dialog and a page that has changed are told, without a secret',
  async (t) => {
    await withPage(t, async (pdu) => {
      const login = [
        { do: 'fill', label: 'User', value: 'lab' },
        { do: 'fill', label: 'Password', secret: { env: 'WEB_TEST_WRONG_PASSWORD' } },
        { do: 'click', role: 'button', name: 'Log in' },
        { do: 'expect', text: 'Outlets' },
      ]
      await using stranger = await openPower('juno', configFor(pdu, { login }))
      t.regex(
        await messageOf(t, stranger, 'on'),
        /^the relay of juno did not switch on: the PDU's page at .*: step 4 of login \(expect "Outlets"\) failed: not there, or not to be used, within 10 s \(1 attempt/,
      )

      const off = [
        { do: 'goto', path: '/' },
        { ...button('Outlet 3 off'), accept: 'outlet 4' },
      ]
      await using mistaken = await openPower('juno', configFor(pdu, { off }))
      t.regex(
        await messageOf(t, mistaken, 'off'),
        /step 2 of off \(click button "Outlet 3 off"\) failed: the dialog says "Really switch outlet 3 off\?", not "outlet 4"/,
      )
      const state = { selector: 'p', on: 'on', off: 'off' }
      const unread = configFor(pdu, { login: login.slice(0, 3), state })
      await using confused = await openPower('juno', unread)
      await t.throwsAsync(confused.state(inTime()), {
        message: /shows "Wrong password: …", which has neither "on" nor "off"$/,
      })
      await using lost = await openPower('juno', configFor(pdu, { on: [{ do: 'goto', path: '/switch' }] }))
      t.regex(await messageOf(t, lost, 'on'), /step 1 of on \(goto \/switch\) failed: it answered 403/)
      t.false(pdu.on)
    })
  },
)

test.serial('an interruption ends what the browser is doing', async (t) => {
  await withPage(t, async (pdu) => {
    const on = [{ do: 'expect', text: 'what never comes' }]
    const attribute = 'data-led'
    const state = {
      selector: '#outlet-3 .state',
      ...inFrame,
      attribute,
      on: 'led_on.gif',
      off: 'led_off.gif',
    }
    await using power = await openPower('juno', configFor(pdu, { on, state }))
    const stop = new AbortController()
    const switching = power.on(stop.signal)
    await until(async () => pdu.logins === 1)
    stop.abort(new DOMException('interrupted', 'AbortError'))
    await t.throwsAsync(switching, { name: 'AbortError' })
    await power.off(inTime())
    t.is(pdu.logins, 2)
  })
})
