/** Serial-over-LAN of a BMC (IPMI 2.0, section 15), by ipmitool. */
import { execa } from 'execa'
import { z } from 'zod'
import { orAborted } from '../../abortable.ts'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { readSecret, secretSource } from '../../secret.ts'
import { host, oneLine, port } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import type { Connect, Connection, ConnectionSink, Lateness } from '../transport.ts'
import { Program } from './program.ts'
import { SolInput, SolOutput } from './sol-stream.ts'

export const ipmiSolSchema = z
  .strictObject({
    type: z.literal('ipmi-sol'),
    host,
    port: port.default(623),
    user: oneLine,
    password: secretSource,
    interface: z
      .literal('lanplus')
      .default('lanplus')
      .meta({ description: 'Serial-over-LAN is part of IPMI 2.0, which ipmitool calls lanplus.' }),
    cipherSuite: z
      .number()
      .int()
      .min(0)
      .max(17)
      .optional()
      .meta({ description: '3 is AES and SHA-1, 17 AES and SHA-256; the best that the BMC offers.' }),
    pace: paceSchema,
  })
  .meta({ description: 'Serial-over-LAN of a BMC, by ipmitool.' })
export type IpmiSolConfig = z.infer<typeof ipmiSolSchema>

type Bmc = { name: string; command: string[]; env: Record<string, string> }

/** A BMC is slow: a session takes some messages, each repeated where it gets lost. */
const commandMs = 30_000
const heldByAnother = /already active on another session/
/** Without a terminal, ipmitool would keep what the board says until a buffer is full, prompts for ever. */
const unbuffered = ['stdbuf', '-o0']
/** ipmitool wants to set a terminal that is not there. */
const noise = /^tcgetattr:/

/**
 * Activates serial-over-LAN. A session that is active already is ended first: BMCs keep those of a harness that died.
 */
export function connectIpmiSol(config: IpmiSolConfig): Connect {
  return async (sink, signal) => {
    const bmc = await bmcOf(config)
    const lateness = latenessOf(await ipmitool(bmc, ['sol', 'info'], signal))
    let connection = await activate(bmc, sink, signal)
    if (connection === 'held') {
      await ipmitool(bmc, ['sol', 'deactivate'], signal)
      connection = await activate(bmc, sink, signal)
    }
    if (connection === 'held')
      throw new LabError(`the serial-over-LAN of ${bmc.name} is in use and can't be taken`, {
        hint: 'Restart the BMC: ipmitool … mc reset cold',
      })
    return lateness ? { ...connection, lateness } : connection
  }
}

async function bmcOf(config: IpmiSolConfig): Promise<Bmc> {
  const { user, cipherSuite } = config
  const name = `the BMC ${config.host}:${config.port}`
  const password = await readSecret(config.password, `the password of ${name}`)
  const to = ['-I', config.interface, '-H', config.host, '-p', String(config.port), '-U', user, '-E']
  return {
    name,
    command: ['ipmitool', ...to, ...(cipherSuite === undefined ? [] : ['-C', String(cipherSuite)])],
    // -E reads it from there (ipmitool(1)); arguments could be read by everybody.
    env: { IPMI_PASSWORD: password },
  }
}

/** Standard output of a command that ends by itself. Throws LabError. */
async function ipmitool(bmc: Bmc, args: string[], signal: AbortSignal): Promise<string> {
  using deadline = new Deadline(commandMs, signal)
  const [program, ...to] = bmc.command
  const result = await execa(program!, [...to, ...args], {
    env: bmc.env,
    cancelSignal: deadline.signal,
    stdin: 'ignore',
    reject: false,
  })
  signal.throwIfAborted()
  if (!result.failed) return result.stdout
  if (result.code === 'ENOENT') throw notInstalled()
  if (deadline.expired) throw new LabError(`${bmc.name} did not answer within ${commandMs / 1000} s`)
  throw whyNot(bmc, result.stderr)
}

async function activate(bmc: Bmc, sink: ConnectionSink, signal: AbortSignal): Promise<Connection | 'held'> {
  const up = Promise.withResolvers<string | undefined>()
  let isUp = false
  const output = new SolOutput(() => {
    isUp = true
    up.resolve(undefined)
  })
  const input = new SolInput()
  const program = new Program({
    command: [...unbuffered, ...bmc.command, 'sol', 'activate'],
    env: bmc.env,
    noise,
    onOutput: (chunk, atNs) => {
      const bytes = output.push(chunk)
      if (bytes.length > 0) sink.bytes(bytes, atNs)
    },
    onEnd: (how) => (isUp ? sink.ended(how) : up.resolve(how)),
  })
  using deadline = new Deadline(commandMs, signal)
  try {
    const how = await orAborted(up.promise, deadline.signal)
    if (how !== undefined && heldByAnother.test(program.errorOutput)) return 'held'
    if (how !== undefined) throw whyNot(bmc, program.errorOutput)
  } catch (error) {
    await program.close()
    if (deadline.expired) throw new LabError(`${bmc.name} gave no console within ${commandMs / 1000} s`)
    throw error
  }
  return {
    write: (bytes) => program.write(input.escape(bytes)),
    sendBreak: async () => {
      output.expectBreakNotice()
      await program.write(input.breakSequence())
    },
    // The end of its input is what makes ipmitool end the session on the BMC too.
    close: () => program.close(),
  }
}

function whyNot(bmc: Bmc, errorOutput: string): LabError {
  const lines = errorOutput.split('\n').filter((line) => line.trim() !== '' && !noise.test(line))
  const last = (lines.at(-1) ?? 'it gave no reason').trim().slice(0, 300)
  const unreachable = /Unable to establish/.test(errorOutput)
  return new LabError(`no serial-over-LAN from ${bmc.name}: ${last}`, {
    hint: unreachable
      ? 'Is the BMC reachable, are user and password right, may the user use SOL, and is the cipherSuite (3 or 17) one that it has?'
      : `Try: ${bmc.command.join(' ')} sol info`,
  })
}

function notInstalled(): LabError {
  return new LabError('ipmitool is not on this machine', { hint: 'Install it: apt-get install ipmitool' })
}

/** How long the BMC collects characters before it sends them, from `sol info`. */
function latenessOf(info: string): Lateness | undefined {
  const ms = Number(/^Character Accumulate Level \(ms\)\s*:\s*(\d+)/m.exec(info)?.[1] ?? 0)
  return ms > 0
    ? { ms, why: `the BMC collects characters for up to ${ms} ms before it sends them` }
    : undefined
}
