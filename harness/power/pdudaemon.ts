/** pdudaemon's HTTP listener (github.com/pdudaemon/pdudaemon, pdudaemon/httplistener.py). */
import { z } from 'zod'
import { httpUrl, oneLine } from '../values.ts'
import { powerCommon } from './common.ts'
import { below, request, succeeded } from './http.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const pdudaemonSchema = z
  .strictObject({
    type: z.literal('pdudaemon'),
    url: httpUrl.meta({ description: 'Of its HTTP listener.', examples: ['http://localhost:16421'] }),
    hostname: oneLine.meta({ description: "The PDU, as pdudaemon's configuration names it." }),
    port: z.number().int().min(0).meta({ description: "The PDU's outlet." }),
    ...powerCommon,
  })
  .meta({ description: 'pdudaemon; it can not tell the state of an outlet.' })

/** pdudaemon answers when its driver is done, and repeats a failed one after 5 s (pdurunner.py). */
const limitMs = 30_000

/** Without state: pdudaemon answers 200 whether its driver succeeded or not, and has no request that asks. */
export function openPdudaemon(config: z.infer<typeof pdudaemonSchema>): PowerSwitch {
  const { url, hostname, port } = config
  const name = `pdudaemon at ${url}, port ${port} of ${hostname}`
  const control = async (state: PowerState, signal: AbortSignal) => {
    const target = below(url, `/power/control/${state}`, { hostname, port: String(port) })
    const hint = `Does pdudaemon's configuration have a PDU "${hostname}"? Its log says why.`
    succeeded(name, await request(name, { url: target, signal }), hint)
  }
  return { name, limitMs, on: (signal) => control('on', signal), off: (signal) => control('off', signal) }
}
