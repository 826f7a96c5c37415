/** ICMP echo requests by the host's own ping, which may send them without this process being root. */
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { dieWithParent } from '../../../qemu/process.ts'
import { orAborted } from '../../abortable.ts'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { ProbeLog } from '../../probe-log.ts'
import { parsePingLine } from './ping-output.ts'

/** Before iputils 20211215, only root may ask more often than five times a second. */
const intervalMs = process.getuid?.() === 0 ? 50 : 200
/** A name server that is gone takes its time. */
const startTimeoutMs = 30_000

export type PingProgram = AsyncDisposable & { readonly log: ProbeLog }

/**
 * Pings a host until disposed. Resolves once ping asks; whether the host answers is another matter. Throws LabError where
 * ping is missing or refuses, or the signal's reason.
 */
export async function startPing(host: string, signal: AbortSignal): Promise<PingProgram> {
  signal.throwIfAborted()
  const log = new ProbeLog(intervalMs)
  const command = ['ping', '-n', '-O', '-i', String(intervalMs / 1000), host]
  const child = execa(...dieWithParent(command), {
    env: { LC_ALL: 'C' },
    stdin: 'ignore',
    reject: false,
    buffer: false,
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('latin1')).slice(-keptComplaints)
  })
  const asks = Promise.withResolvers<void>()
  // Each line is written when what it tells has happened: its stamp is as good as ping's own, and of the right clock.
  createInterface({ input: child.stdout }).on('line', (line) => {
    asks.resolve()
    note(log, line, process.hrtime.bigint())
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await child
  }
  using limit = new Deadline(startTimeoutMs, signal)
  try {
    const ended = child.then(({ exitCode }) => Promise.reject(failure(host, exitCode, complaints)))
    ended.catch(() => {})
    await orAborted(Promise.race([asks.promise, ended]), limit.signal)
  } catch (error) {
    await stop()
    throw limit.expired ? new LabError(`ping ${host} said nothing within ${startTimeoutMs / 1000} s`) : error
  }
  return { log, [Symbol.asyncDispose]: stop }
}
/** Characters: where the network is unreachable, ping complains at each question. */
const keptComplaints = 1_000

function note(log: ProbeLog, text: string, atNs: bigint): void {
  const line = parsePingLine(text)
  if (line?.type === 'none') log.asked(line.sequence, atNs - BigInt(intervalMs) * 1_000_000n)
  if (line?.type !== 'answer') return
  log.asked(line.sequence, atNs - BigInt(Math.round(line.roundTripMs * 1e6)))
  log.answered(line.sequence, atNs)
}

/** The shell's exit status for a program that it does not find (POSIX, "Exit Status for Commands"). */
const notFound = 127

function failure(host: string, exitCode: number | undefined, words: string): LabError {
  if (exitCode === notFound)
    return new LabError('ping is not on this machine', { hint: 'Install it: apt-get install iputils-ping' })
  const last = words.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
  return new LabError(`ping ${host} ended by itself (exit status ${exitCode ?? 'none'}): ${last}`, {
    hint: "Is network.host of the board's descriptor right? ping has to be that of iputils.",
  })
}
