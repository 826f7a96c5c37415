/** A command on another host, by ssh: the way that console servers offer. */
import { z } from 'zod'
import { orAborted } from '../../abortable.ts'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { command, host, oneLine, port } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import { quote } from '../shell.ts'
import type { Connect } from '../transport.ts'
import { Program } from './program.ts'
import { Trial } from './trial.ts'

export const sshSchema = z
  .strictObject({
    type: z.literal('ssh'),
    host,
    port: port.optional(),
    user: oneLine.optional().meta({ description: "Who logs in; what ssh's own configuration says." }),
    identity: oneLine.optional().meta({ description: 'File of a private key that needs no passphrase.' }),
    knownHosts: oneLine
      .regex(/^[^"]*$/)
      .optional()
      .meta({ description: "File with the host's key; the user's own known_hosts." }),
    command: command.meta({
      description: 'What to run there, one argument an item; its input and output are the console.',
      examples: [['console', '-f', 'juno']],
    }),
    pace: paceSchema,
  })
  .meta({ description: 'A command on another host, by ssh.' })
export type SshConfig = z.infer<typeof sshSchema>

const connectMs = 30_000
/** What ssh says at LogLevel VERBOSE once it is in (sshconnect2.c, ssh_userauth2). */
const loggedIn = /^Authenticated to /m
const noise = /^(Authenticated to|Transferred:|Bytes per second|Warning: Permanently added)/

/** Logs in and runs the command. It has no terminal there, so no BREAK and no echo but the console's. */
export function connectSsh(config: SshConfig): Connect {
  return async (sink, signal) => {
    signal.throwIfAborted()
    const trial = new Trial(sink)
    const login = Promise.withResolvers<string | undefined>()
    const program = new Program({
      command: sshCommand(config),
      noise,
      onOutput: (chunk, atNs) => trial.bytes(chunk, atNs),
      onErrorOutput: (text) => {
        if (loggedIn.test(text)) login.resolve(undefined)
      },
      onEnd: (how) => {
        login.resolve(how)
        trial.ended(how)
      },
    })
    using deadline = new Deadline(connectMs, signal)
    try {
      const how = (await orAborted(login.promise, deadline.signal)) ?? (await trial.endsSoon(signal))
      if (how !== undefined) throw whyNot(config, how, program.errorOutput)
    } catch (error) {
      await program.close()
      if (deadline.expired) throw new LabError(`${nameOf(config)} let nobody in within ${connectMs / 1000} s`)
      throw error
    }
    return { write: (bytes) => program.write(bytes), close: () => program.close() }
  }
}

function sshCommand(config: SshConfig): string[] {
  const { host, port, user, identity, knownHosts } = config
  return [
    ...[
      'ssh',
      '-T',
      '-e',
      'none',
      '-o',
      'BatchMode=yes',
      '-o',
      'LogLevel=VERBOSE',
      '-o',
      'ConnectTimeout=10',
    ],
    // A server that lost its power says nothing: three questions without an answer are an end.
    ...['-o', 'ServerAliveInterval=10', '-o', 'ServerAliveCountMax=3'],
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(identity === undefined ? [] : ['-i', identity, '-o', 'IdentitiesOnly=yes']),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile="${knownHosts}"`]),
    ...['--', host, config.command.map(quote).join(' ')],
  ]
}

function nameOf({ host, port, user }: SshConfig): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`
}

function whyNot(config: SshConfig, how: string, errorOutput: string): LabError {
  const name = nameOf(config)
  const toPort = config.port === undefined ? '' : ` -p ${config.port}`
  const login = `${config.user === undefined ? '' : `${config.user}@`}${config.host}`
  if (/Permission denied \(/.test(errorOutput))
    return new LabError(`${name} does not take the key`, {
      hint: `Put it there: ssh-copy-id${config.identity === undefined ? '' : ` -i ${config.identity}`}${toPort} ${login}; a key with a passphrase needs an agent.`,
    })
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(errorOutput))
    return new LabError(`${name} has another host key than it had`, {
      hint: 'Find out why; if it was set up anew, remove the old key with ssh-keygen -R and log in once by hand.',
    })
  if (/Host key verification failed/.test(errorOutput))
    return new LabError(`the host key of ${name} is not known`, {
      hint: `Log in once by hand and compare it: ssh${toPort} ${login}; or name a file with it as knownHosts.`,
    })
  return new LabError(`no console by ssh at ${name}: ${how}`, {
    hint: `Try it in a terminal: ssh -T${toPort} ${login} ${config.command.join(' ')}`,
  })
}
