/** The chassis of a server, through its BMC and ipmitool. */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret, secretSource } from '../secret.ts'
import { host, oneLine, port } from '../values.ts'
import { powerCommon } from './common.ts'
import { runProgram } from './program.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const ipmiSchema = z
  .strictObject({
    type: z.literal('ipmi'),
    host: host.meta({ description: 'The BMC.' }),
    port: port.default(623).meta({ description: "The BMC's UDP port." }),
    user: oneLine,
    password: secretSource,
    interface: z.enum(['lanplus', 'lan']).default('lanplus').meta({
      description: 'lanplus is IPMI 2.0, lan is 1.5.',
    }),
    cipherSuite: z.number().int().min(0).max(17).optional().meta({
      description: "ipmitool's -C, for BMCs that do not know its default: 3 or 17.",
    }),
    ...powerCommon,
  })
  .meta({ description: 'IPMI chassis power, through ipmitool.' })

/** ipmitool gives up by itself: a request is sent again after 2 s, three times, at each step of the login. */
const patience = ['-N', '2', '-R', '3']
const limitMs = 30_000
/** A BMC may report the old state until the supply's rails have fallen. */
const settleMs = 15_000

/** Throws LabError where the password is not there. */
export async function openIpmi(config: z.infer<typeof ipmiSchema>): Promise<PowerSwitch> {
  const { user, cipherSuite } = config
  const password = await readSecret(config.password, `the password of the BMC ${config.host}`)
  const name = `the BMC at ${config.host}:${config.port}`
  const login = ['-I', config.interface, '-H', config.host, '-p', String(config.port), '-U', user, '-E']
  const suite = cipherSuite === undefined ? [] : ['-C', String(cipherSuite)]
  const chassis = async (action: string, signal: AbortSignal) => {
    try {
      return await runProgram(name, {
        command: ['ipmitool', ...login, ...suite, ...patience, 'chassis', 'power', action],
        // -E reads either, the first one first (ipmitool's lib/ipmi_main.c).
        env: { IPMITOOL_PASSWORD: password, IPMI_PASSWORD: password },
        debianPackage: 'ipmitool',
        signal,
      })
    } catch (error) {
      if (!(error instanceof LabError && /unable to establish/i.test(error.message))) throw error
      const hint =
        'Check host, port, user and password; some BMCs want interface: lan or cipherSuite: 3 or 17.'
      throw new LabError(error.message, { hint, cause: error })
    }
  }
  const control = async (action: PowerState, signal: AbortSignal) => {
    try {
      await chassis(action, signal)
    } catch (error) {
      // Completion code 0xd5: some BMCs refuse to switch off what is off. The state, asked next, decides.
      if (!(error instanceof LabError && /not supported in present state/i.test(error.message))) throw error
    }
  }
  return {
    name,
    limitMs,
    settleMs,
    on: (signal) => control('on', signal),
    off: (signal) => control('off', signal),
    state: async (signal) => stateOf(name, await chassis('status', signal)),
  }
}

function stateOf(name: string, status: string): PowerState {
  const [, state] = /^Chassis Power is (on|off)\s*$/m.exec(status) ?? []
  if (state === 'on' || state === 'off') return state
  throw new LabError(`${name} said nothing that ipmitool understood as a power state`)
}
