/** labgrid-client, run for one coordinator and as one user of it. */
import os from 'node:os'
import { execa } from 'execa'
import { Deadline } from '../deadline.ts'
import { LabError } from '../errors.ts'

/** Who works with a place, as labgrid writes it: HOST/USER. */
export type LabgridUser = { host: string; user: string }

/** A client that is found, with all that a process that goes on without us needs of it. */
export type LabgridClientSpec = {
  /** Absolute path of labgrid-client. */
  program: string
  /** `HOST` or `HOST:PORT`. */
  coordinator: string
  user: LabgridUser
}

/** labgrid's own default, as its manual has it. */
const defaultCoordinator = '127.0.0.1:20408'
/** It waits for a coordinator's host that does not answer for about 20 s. */
const callLimitMs = 60_000

/** What a shell set up for labgrid-client would make it take another place or its drivers from a file. */
const notInherited = {
  LG_ENV: undefined,
  LG_PLACE: undefined,
  LG_STATE: undefined,
  LG_INITIAL_STATE: undefined,
  LG_TOKEN: undefined,
  PLACE: undefined,
  STATE: undefined,
}

/** The user that labgrid-client is for whoever runs this; Python's getpass.getuser() asks the same variables. */
export function labgridUser(env: NodeJS.ProcessEnv = process.env): LabgridUser {
  const names = [env.LG_USERNAME, env.LOGNAME, env.USER, env.LNAME, env.USERNAME]
  return { host: env.LG_HOSTNAME ?? os.hostname(), user: names.find(Boolean) ?? os.userInfo().username }
}

/** `HOST/USER` */
export function labgridName({ host, user }: LabgridUser): string {
  return `${host}/${user}`
}

/**
 * Finds labgrid-client, or gets it, which `progress` is told of. Without a coordinator: $LG_COORDINATOR, else labgrid's
 * own default. Throws LabError where it can't be got.
 */
export async function findLabgridClient(
  coordinator: string | undefined,
  watch: { progress?: (text: string) => void; signal?: AbortSignal } = {},
): Promise<LabgridClientSpec> {
  // Loaded here: a run without labgrid has no use for what fetches programs.
  const { ensureLabgrid } = await import('../../images/labgrid.ts')
  const program = await ensureLabgrid('labgrid-client', watch)
  return {
    program,
    coordinator: coordinator ?? (process.env.LG_COORDINATOR || defaultCoordinator),
    user: labgridUser(),
  }
}

export class LabgridClient {
  readonly spec: LabgridClientSpec

  constructor(spec: LabgridClientSpec) {
    this.spec = spec
  }

  /** A client that is somebody else to the coordinator. */
  as(user: LabgridUser): LabgridClient {
    return new LabgridClient({ ...this.spec, user })
  }

  /** Program and arguments of a command, for whoever starts it himself. */
  command(...args: readonly string[]): [string, ...string[]] {
    return [this.spec.program, '-x', this.spec.coordinator, ...args]
  }

  /** Environment of a command: who we are, and nothing of what a shell set up for labgrid-client. */
  get env(): Record<string, string | undefined> {
    const { host, user } = this.spec.user
    return { ...notInherited, LG_HOSTNAME: host, LG_USERNAME: user, PYTHONUNBUFFERED: '1' }
  }

  /**
   * Runs one command to its end and returns what it said.
   * Throws LabgridRefusal where labgrid says no, LabError where the coordinator can't be reached, or the signal's reason.
   */
  async run(args: readonly string[], signal?: AbortSignal, limitMs = callLimitMs): Promise<string> {
    const [program, ...all] = this.command(...args)
    using deadline = new Deadline(limitMs, signal)
    const result = await execa(program, all, {
      env: this.env,
      stdin: 'ignore',
      reject: false,
      cancelSignal: deadline.signal,
      maxBuffer: 64 * 1024 * 1024,
      // A process group of its own: Ctrl-C is for the harness, which decides what is still to be done.
      detached: true,
    })
    signal?.throwIfAborted()
    if (!result.failed) return result.stdout
    const { coordinator } = this.spec
    const hint = `The same by hand: labgrid-client -x ${coordinator} places`
    if (deadline.expired) {
      throw new LabError(
        `labgrid's coordinator at ${coordinator} did not answer within ${limitMs / 1000} s`,
        {
          hint,
        },
      )
    }
    const words = labgridWords(result.stderr) || (result.shortMessage ?? 'it failed without a word')
    const unreachable = /coordinator (?:is|became) unavailable: (.*)/.exec(result.stderr)?.[1]
    if (unreachable !== undefined)
      throw new LabError(`labgrid's coordinator at ${coordinator} can't be reached: ${unreachable}`, { hint })
    throw new LabgridRefusal(words, result.stderr)
  }
}

/** labgrid-client ran and said no. */
export class LabgridRefusal extends LabError {
  /** All that it said. */
  readonly said: string

  constructor(words: string, said: string) {
    super(`labgrid: ${words}`)
    this.said = said
  }
}

/**
 * What labgrid-client means, out of what it says: its own line, else a traceback's last one. gRPC's traceback about
 * threads, which Python 3.14 prints at the end of each failed command, is none.
 */
export function labgridWords(said: string): string {
  const own = /^(?:labgrid-client: (?:error: )?|Server error: )(?:Error: )?(.+)$/m.exec(said)?.[1]
  if (own !== undefined) return own
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !/^\s|^PythonFinalization/.test(line))
  return (
    lines.findLast((line) => /^[\w.]+(?:Error|Exception)(?::|$)/.test(line)) ??
    lines.at(-1) ??
    ''
  ).slice(0, 400)
}
