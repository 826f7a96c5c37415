/** A login prompt: user and password. */
import { z } from 'zod'
import { systemClock } from '../../clock.ts'
import type { Console, Match } from '../../console/console.ts'
import { ConsoleTimeout } from '../../console/console.ts'
import { LabError } from '../../errors.ts'
import { readSecret, type SecretSource, secretSource } from '../../secret.ts'
import { oneLine } from '../../values.ts'
import { anyOf, literal } from './any-of.ts'
import type { RunStage, StageContext } from './stage.ts'
import { stageKeys, startLimit, type TimeLeft } from './stage-keys.ts'

export const loginStageSchema = z
  .strictObject({
    type: z.literal('login'),
    ...stageKeys,
    user: oneLine.default('root').meta({ description: 'Who logs in.' }),
    password: secretSource.optional().meta({ description: "Where the user's password is." }),
    loginPrompt: oneLine.default('login:').meta({ description: 'What asks for the user, as plain text.' }),
    passwordPrompt: oneLine
      .default('Password:')
      .meta({ description: 'What asks for the password, as plain text.' }),
  })
  .meta({ description: 'A login prompt on the console. It comes again after each kexec.' })
export type LoginStage = z.infer<typeof loginStageSchema>

/** login of util-linux, shadow and busybox, PAM, dropbear. */
const refused =
  /Login incorrect|Login failed|Authentication (?:failure|failed)|Permission denied|Login timed out|invalid password/i
/** The end of a shell's prompt, or of a greeting: whoever logs in is in. */
const accepted = /[#$%>] /
/**
 * busybox's login prompts first and turns the echo off then (libbb/bb_askpass.c, bb_ask_noecho): whoever types faster
 * than a busy board gets there shows the password.
 */
const echoOffMs = 1_000
/** A getty throws away what was typed while it started: the user is typed again. */
const againMs = 15_000
const attempts = 3

/**
 * Logs in, and returns a position before what came after the password. The password is typed only where it was
 * asked for. Throws LabError for a refused login, naming where the password came from and never the password.
 */
export const runLogin: RunStage<LoginStage> = (stage, context) => logIn(stage, context)

/** As runLogin; `shellPrompt` is plain text that shows as well that the login was accepted. */
export async function logIn(
  stage: LoginStage,
  context: Omit<StageContext, 'commandLine'>,
  shellPrompt?: string,
): Promise<number> {
  const { console, signal } = context
  const left = startLimit(stage.limit, context)
  // Read first: a missing one is known before anything is typed.
  const password = stage.password && (await readSecret(stage.password, passwordOf(stage)))
  const login = new Login(stage, { console, signal, left, shellPrompt })
  const asked = await login.giveUser(context.from)
  if (!asked.wantsPassword) return asked.position
  if (password === undefined)
    throw new LabError(
      `${login.name} asks for the password of ${stage.user}, and the descriptor names none`,
      {
        hint: 'Add it to the login stage: password: { env: NAME } or { file: PATH }',
      },
    )
  return await login.givePassword(password, stage.password!, asked.position)
}

type LoginContext = {
  console: Console
  signal: AbortSignal
  left: TimeLeft
  shellPrompt: string | undefined
}

class Login {
  readonly name: string
  readonly #stage: LoginStage
  readonly #console: Console
  readonly #left: TimeLeft
  readonly #signal: AbortSignal
  readonly #shellPrompt: string | undefined

  constructor(stage: LoginStage, { console, signal, left, shellPrompt }: LoginContext) {
    this.name = stage.name ?? 'login'
    this.#stage = stage
    this.#console = console
    this.#left = left
    this.#signal = signal
    this.#shellPrompt = shellPrompt
  }

  /** Types the user where it is asked for, until the password is asked for or a shell is there. */
  async giveUser(from: number): Promise<{ wantsPassword: boolean; position: number }> {
    const { user, loginPrompt, passwordPrompt } = this.#stage
    // "Last login: …" is what a successful one prints.
    const asks = new RegExp(`(?<!last )${literal(loginPrompt).source}`, 'i')
    let position = from
    for (let attempt = 1; ; attempt++) {
      const asked = await this.#expect(asks, position, this.#left(), `prompt ${JSON.stringify(loginPrompt)}`)
      await this.#console.write(`${user}\n`)
      const what = `prompt ${JSON.stringify(passwordPrompt)}`
      const answers = anyOf({ ...this.#outcomes(), password: passwordPrompt })
      try {
        const limitMs = attempt === attempts ? this.#left() : Math.min(againMs, this.#left())
        const answer = await this.#expect(answers, asked.end, limitMs, what)
        const [kind] = answer.groups
        if (kind === 'refused') throw this.#refusal('', answer)
        return { wantsPassword: kind === 'password', position: kind === 'password' ? answer.end : asked.end }
      } catch (error) {
        if (!(error instanceof ConsoleTimeout) || attempt === attempts) throw error
        position = this.#console.position
        await this.#console.write('\n')
      }
    }
  }

  async givePassword(password: string, source: SecretSource, from: number): Promise<number> {
    const { user } = this.#stage
    await systemClock.sleep(echoOffMs, this.#signal)
    await this.#console.write(`${password}\n`)
    let answer: Match | undefined
    let failure: unknown
    try {
      const what = `answer to the password of ${user}`
      answer = await this.#expect(anyOf(this.#outcomes()), from, this.#left(), what)
    } catch (error) {
      failure = error
    }
    // First of all, since every other message would quote it.
    if (this.#console.since(from).includes(password))
      throw new LabError(`${this.name} showed the password of ${user} on the console when it was typed`, {
        hint: 'What asked for it does not hide it: see passwordPrompt. Change the password: whoever watches the console knows it.',
      })
    if (!answer) throw failure
    if (answer.groups[0] === 'refused')
      throw this.#refusal(`, whose password is in ${placeOf(source)}`, answer)
    return from
  }

  #outcomes() {
    return { refused, accepted, prompt: this.#shellPrompt }
  }

  #refusal(password: string, { text }: Match): LabError {
    return new LabError(
      `${this.name} refused ${this.#stage.user}${password}: it said ${JSON.stringify(text)}`,
      { hint: 'Try it by hand: npm run console -- BOARD --write' },
    )
  }

  #expect(pattern: Parameters<Console['expect']>[0], from: number, timeoutMs: number, what: string) {
    const options = { from, timeoutMs, signal: this.#signal, what: `${what} of ${this.name}` }
    return this.#console.expect(pattern, options)
  }
}

function passwordOf({ user, name = 'login' }: LoginStage): string {
  return `the password of ${user} for ${name}`
}

function placeOf(source: SecretSource): string {
  return 'env' in source ? `the environment variable ${source.env}` : source.file
}
