/** What was observed in one cycle, as plain data that the journal records. */
import { z } from 'zod'

const device = z.object({
  /** 0000:00:04.0 */
  address: z.string(),
  /** Vendor and device as lspci writes them: 8086:10d3 */
  id: z.string(),
  family: z.string(),
  /** Drivers that were bound before the kexec, outermost first; empty: none. */
  drivers: z.array(z.string()),
  busMaster: z.boolean(),
  /** Whether its engine ran; null where that can't be told. */
  running: z.boolean().nullable(),
  /** Whether it ran for wake-up, as its driver meant it to. */
  waking: z.boolean(),
  /** Whether it kept addresses or a state of the old kernel's. */
  notReset: z.boolean(),
  facts: z.array(z.string()),
  registers: z.record(z.string(), z.number().nullable()),
})

export const observed = z.object({
  readings: z.array(
    z.object({
      /** breakpoint: machine stopped at purgatory's entry; polling: in the gap; probe: by the new kernel's first process. */
      method: z.enum(['breakpoint', 'polling', 'probe']),
      /** How long the machine was stopped for it. */
      stoppedMs: z.number().optional(),
      devices: z.array(device),
    }),
  ),
  /** Where inspection and probe tell different stories. */
  disagreements: z.array(z.string()),
  shutdown: z
    .object({
      /** In the order of their shutdown. */
      devices: z.array(
        z.object({
          device: z.string(),
          driver: z.string().nullable(),
          durationMs: z.number().nullable(),
          /** Whether its driver has a shutdown(); null where that is not known. */
          hasShutdown: z.boolean().nullable(),
        }),
      ),
      /** Reschedule IPIs from the execute on. */
      ipis: z.array(
        z.object({
          source: z.number().int().nullable(),
          target: z.number().int(),
          count: z.number().int(),
          /** How many of them found their target offline. */
          offlineCount: z.number().int(),
          /** How many found it idle; null where that is not known. */
          idleCount: z.number().int().nullable(),
        }),
      ),
    })
    .nullable(),
  /** The slowest initcalls and probes of the new kernel, slowest first; absent where they were not asked for. */
  initcalls: z
    .object({
      /** How many initcalls there were. */
      count: z.number().int(),
      calls: z.array(
        z.object({
          kind: z.enum(['initcall', 'probe']),
          /** The function, or the device that was probed. */
          name: z.string(),
          module: z.string().nullable(),
          returned: z.number().int(),
          us: z.number(),
          /** Whether it came back before init began. */
          phase: z.enum(['startup', 'userspace']),
        }),
      ),
    })
    .optional(),
  /** Whether the memory canary was found as it was left; null: the board has none. */
  canaryIntact: z.boolean().nullable(),
  /** What could not be looked at, and why. */
  notes: z.array(z.string()),
})
export type Observed = z.infer<typeof observed>
