/** A PDU that has only a web page: Playwright does on it what the descriptor's steps say. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret, type SecretSource, secretSource } from '../secret.ts'
import { httpUrl, oneLine } from '../values.ts'
import { powerCommon, verifyTls } from './common.ts'
import type { PowerState, PowerSwitch } from './switch.ts'
import { type Act, WebSession } from './web-session.ts'
import { type StateOnPage, type Step, stateOnPage, steps } from './web-steps.ts'

export const webSchema = z
  .strictObject({
    type: z.literal('web'),
    url: httpUrl.meta({ description: 'The page that is opened first.' }),
    user: oneLine
      .optional()
      .meta({ description: "Where the browser itself asks for a password, not a form's." }),
    password: secretSource.optional(),
    login: steps.default([]).meta({ description: 'Once, and again when the PDU has ended the session.' }),
    on: steps.min(1),
    off: steps.min(1),
    state: stateOnPage.optional().meta({ description: 'Where the page shows the state of the outlet.' }),
    verifyTls,
    ...powerCommon,
  })
  .meta({ description: "A PDU's web page, operated by a browser." })
type WebConfig = z.infer<typeof webSchema>

const limitMs = 60_000
/** Such a page may show the old state until the PDU has looked again. */
const settleMs = 10_000
const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Throws LabError where a secret is not there. The browser starts at the first use and is kept until `close`. */
export async function openWeb(config: WebConfig): Promise<PowerSwitch> {
  const name = `the PDU's page at ${config.url}`
  const secrets = await secretsOf(name, config)
  const pdu = new WebPdu(name, config, secrets)
  const { state } = config
  return {
    name,
    limitMs,
    settleMs,
    on: (signal) => pdu.run(signal, (session) => session.perform('on', config.on)),
    off: (signal) => pdu.run(signal, (session) => session.perform('off', config.off)),
    ...(state && {
      state: (signal) =>
        pdu.run(signal, async (session) => {
          await session.perform('state', state.steps)
          return stateIn(name, state, await session.read(state))
        }),
    }),
    close: () => pdu.close(),
  }
}

/** Secrets by where they are. */
async function secretsOf(name: string, config: WebConfig): Promise<Map<string, string>> {
  const all: Step[] = [...config.login, ...config.on, ...config.off, ...(config.state?.steps ?? [])]
  const sources = all.flatMap((step) => (step.do === 'fill' && step.secret ? [step.secret] : []))
  const read = async (source: SecretSource) =>
    [JSON.stringify(source), await readSecret(source, `a password of ${name}`)] as const
  return new Map(await Promise.all([...sources, ...(config.password ? [config.password] : [])].map(read)))
}

/** The browser and its session at the PDU. */
class WebPdu {
  readonly #name: string
  readonly #config: WebConfig
  readonly #secrets: ReadonlyMap<string, string>
  #browser: Browser | undefined
  #session: WebSession | undefined

  constructor(name: string, config: WebConfig, secrets: ReadonlyMap<string, string>) {
    this.#name = name
    this.#config = config
    this.#secrets = secrets
  }

  /** Acts in the session, logged in. A session that fails is not used again. */
  async run<T>(signal: AbortSignal, act: Act<T>): Promise<T> {
    const isKept = this.#session !== undefined
    try {
      return await this.#inSession(signal, act)
    } catch (error) {
      signal.throwIfAborted()
      // The PDU may have ended the session in the meantime, which is no failure yet.
      if (!isKept) throw error
      return await this.#inSession(signal, act)
    }
  }

  async close(): Promise<void> {
    const browser = this.#browser
    this.#browser = undefined
    this.#session = undefined
    await browser?.close()
  }

  async #inSession<T>(signal: AbortSignal, act: Act<T>): Promise<T> {
    signal.throwIfAborted()
    this.#session ??= await this.#newSession(signal)
    const session = this.#session
    try {
      return await session.run(signal, act)
    } catch (error) {
      this.#session = undefined
      await session.close()
      throw error
    }
  }

  async #newSession(signal: AbortSignal): Promise<WebSession> {
    if (!this.#browser?.isConnected()) this.#browser = await startBrowser(signal)
    const { url, user, password, login } = this.#config
    const session = new WebSession({
      name: this.#name,
      url,
      secrets: this.#secrets,
      context: await this.#browser.newContext({
        ignoreHTTPSErrors: !this.#config.verifyTls,
        ...(password && {
          httpCredentials: {
            username: user ?? 'admin',
            password: this.#secrets.get(JSON.stringify(password)) ?? '',
            origin: new URL(url).origin,
          },
        }),
      }),
    })
    try {
      await session.run(signal, async () => {
        await session.open()
        await session.perform('login', login)
      })
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }
}

async function startBrowser(signal: AbortSignal): Promise<Browser> {
  const executablePath = await findBrowser()
  const { chromium } = await import('playwright-core')
  signal.throwIfAborted()
  try {
    return await chromium.launch({
      executablePath,
      // Chromium's sandbox does not work for root.
      chromiumSandbox: process.geteuid?.() !== 0,
      // A signal is the harness's to handle: it closes the browser on its way out.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
  } catch (cause) {
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
    throw new LabError(`${executablePath} did not start: ${why}`, {
      hint: `Try it by hand: ${executablePath} --headless --dump-dom about:blank`,
      cause,
    })
  }
}

async function findBrowser(): Promise<string> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const name of browsers) {
    for (const folder of folders) {
      const file = join(folder, name)
      const runs = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (runs) return file
    }
  }
  throw new LabError(
    `a power switch of type web needs a browser, and there is none: ${browsers.join(', ')}`,
    {
      hint: 'apt-get install chromium',
    },
  )
}

function stateIn(name: string, { on, off }: StateOnPage, text: string): PowerState {
  const isOn = hasWords(text, on)
  if (isOn !== hasWords(text, off)) return isOn ? 'on' : 'off'
  const shown = JSON.stringify(text.slice(0, 100))
  const which = isOn ? `both "${on}" and "${off}"` : `neither "${on}" nor "${off}"`
  throw new LabError(`${name} shows ${shown}, which has ${which}`, {
    hint: 'Does the descriptor name the right place on the page?',
  })
}

/** Whether words stand in a text by themselves: "on" does in "Outlet 3: on", and not in "Connected". */
function hasWords(text: string, words: string): boolean {
  const outside = '[\\p{L}\\p{N}]'
  return new RegExp(`(?<!${outside})${RegExp.escape(words)}(?!${outside})`, 'u').test(text)
}
