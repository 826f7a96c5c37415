/** A login at a PDU's web page: steps are performed in it, and what fails is told without its secrets. */
import type { BrowserContext, FrameLocator, Locator, Page } from 'playwright-core'
import { LabError } from '../errors.ts'
import { describeStep, describeTarget, type Step, type Target } from './web-steps.ts'

export type Act<T> = (session: WebSession) => Promise<T>

export type WebSessionOptions = {
  /** The PDU, for messages. */
  name: string
  url: string
  /** Secrets by where they are, as JSON. */
  secrets: ReadonlyMap<string, string>
  context: BrowserContext
}

const stepLimitMs = 10_000

/** Throws LabError where a step can't be done within 10 s. */
export class WebSession {
  readonly #options: WebSessionOptions
  #page: Page | undefined

  constructor(options: WebSessionOptions) {
    this.#options = options
    options.context.setDefaultTimeout(stepLimitMs)
  }

  /** Acts, and ends the session when the signal aborts. */
  async run<T>(signal: AbortSignal, act: Act<T>): Promise<T> {
    const stop = () => void this.close()
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await act(this)
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Opens the PDU's first page. */
  async open(): Promise<void> {
    this.#page = await this.#options.context.newPage()
    await this.#told('opening the page', () => this.#goto(this.#options.url))
  }

  async perform(part: string, steps: readonly Step[]): Promise<void> {
    for (const [index, step] of steps.entries()) {
      await this.#told(`step ${index + 1} of ${part} (${describeStep(step)})`, () => this.#do(step))
    }
  }

  /** The text or an attribute of something on the page, without secrets: some pages repeat them. */
  async read(target: Target & { attribute?: string }): Promise<string> {
    const found = this.#find(target)
    const { attribute } = target
    const text = await this.#told(`reading ${describeTarget(target)}`, async () => {
      if (attribute !== undefined) return (await found.getAttribute(attribute)) ?? ''
      // biome-ignore lint/performance/useDomNodeTextContent: what the page hides does not count.
      return await found.innerText()
    })
    return withoutSecrets(text, this.#options.secrets.values())
  }

  async close(): Promise<void> {
    await this.#options.context.close().catch(() => {})
  }

  async #do(step: Step): Promise<void> {
    if (step.do === 'goto') return await this.#goto(new URL(step.path, this.#options.url).href)
    const found = this.#find(step)
    if (step.do === 'fill') {
      const { value, secret } = step
      await found.fill(value ?? this.#options.secrets.get(JSON.stringify(secret)) ?? '')
    }
    if (step.do === 'select') await found.selectOption({ label: step.option })
    if (step.do === 'expect') await found.waitFor({ state: 'visible' })
    if (step.do === 'click')
      await (step.accept === undefined ? found.click() : this.#accept(found, step.accept))
  }

  async #goto(url: string): Promise<void> {
    const response = await this.#openPage.goto(url, { waitUntil: 'domcontentloaded' })
    const status = response?.status() ?? 200
    if (status >= 400) throw new LabError(`it answered ${status} ${response?.statusText() ?? ''}`.trimEnd())
  }

  /** A click that a dialog follows; the click is over when the dialog is. */
  async #accept(found: Locator, says: string): Promise<void> {
    const accept = async () => {
      const dialog = await this.#openPage.waitForEvent('dialog')
      if (dialog.message().includes(says)) return await dialog.accept()
      await dialog.dismiss()
      throw new LabError(`the dialog says ${JSON.stringify(dialog.message().slice(0, 100))}, not "${says}"`)
    }
    await Promise.all([accept(), found.click()])
  }

  #find({ frame, role, name, text, label, selector }: Target): Locator {
    const page: Page | FrameLocator =
      frame === undefined ? this.#openPage : this.#openPage.frameLocator(frame)
    if (role !== undefined) return page.getByRole(role, name === undefined ? {} : { name, exact: true })
    if (text !== undefined) return page.getByText(text, { exact: true })
    if (label !== undefined) return page.getByLabel(label, { exact: true })
    return page.locator(selector ?? '')
  }

  get #openPage(): Page {
    if (this.#page) return this.#page
    throw new LabError(`${this.#options.name} is not open`)
  }

  /** Playwright's own errors go no further: they repeat what was filled in. */
  async #told<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      const { name, secrets } = this.#options
      const why = withoutSecrets(reasonOf(error), secrets.values())
      throw new LabError(`${name}: ${what} failed: ${why}`, {
        hint: 'Do the same by hand in a browser: has the page changed, and is it that outlet?',
      })
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return `not there, or not to be used, within ${stepLimitMs / 1000} s`
  const [first = ''] = error.message.split('\n')
  return first.replace(/^\w+\.\w+: (Error: )?/, '').slice(0, 200)
}

function withoutSecrets(text: string, secrets: Iterable<string>): string {
  return [...secrets].reduce((clean, secret) => clean.replaceAll(secret, '…'), text)
}
