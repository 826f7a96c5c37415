/** labgrid's programs: those on this machine where they are new enough, else Debian sid's. */
import path from 'node:path'
import { execa } from 'execa'
import { findInPath, ignoresInstalled } from './host-packages.ts'
import type { Watch } from './progress.ts'
import { ensurePythonPrograms } from './python-program.ts'

const programs = ['labgrid-client', 'labgrid-coordinator', 'labgrid-exporter'] as const
export type LabgridProgram = (typeof programs)[number]

/**
 * labgrid speaks gRPC since 24.0; the older ones, such as bookworm's 0.4.1, want a crossbar, which no lab runs any more.
 * Their options tell the two apart; `labgrid-client version` would first connect to a coordinator.
 */
const grpcOption = '--coordinator'
const helpLimitMs = 60_000

/**
 * Absolute path of one of labgrid's programs. An installed one is used where it is new enough;
 * else Debian sid's are unpacked into the cache, about 50 MB to download once, which `progress` is told of.
 * Throws LabError as ensurePythonPrograms does.
 */
export async function ensureLabgrid(
  program: LabgridProgram,
  watch: Watch & { cache?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { env = process.env, ...rest } = watch
  const installed = await findInstalled(program, env, watch.signal)
  if (installed !== undefined) return installed
  const bin = await ensurePythonPrograms(
    { name: 'labgrid', suite: 'sid', packages: programs, programs },
    rest,
  )
  return path.join(bin, program)
}

/** An installed one that is new enough, told by its labgrid-client. */
export async function findInstalled(
  program: LabgridProgram,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (ignoresInstalled(program, env)) return undefined
  const [client, wanted] = await Promise.all([findInPath('labgrid-client', env), findInPath(program, env)])
  if (client === undefined || wanted === undefined) return undefined
  const result = await execa(client, ['--help'], {
    reject: false,
    stdin: 'ignore',
    timeout: helpLimitMs,
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  return result.stdout?.includes(grpcOption) ? wanted : undefined
}
