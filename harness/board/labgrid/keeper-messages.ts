/** What a keeper is told and what it tells: JSON, one object a line. */
import { z } from 'zod'

const keeperTask = z.object({
  client: z.object({
    program: z.string(),
    coordinator: z.string(),
    /** The holder, not the user who runs the harness. */
    user: z.object({ host: z.string(), user: z.string() }),
  }),
  /** Places that were free a moment ago, tried in this order. */
  free: z.array(z.string()),
  /** What a place has to have that is waited for; `name` is its name. */
  tags: z.record(z.string(), z.string()),
  /** How long to wait while it is taken; 0 does not wait. */
  waitMs: z.number(),
})
export type KeeperTask = z.infer<typeof keeperTask>

const keeperMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('waiting') }),
  /** An attempt that failed and is made again, in words. */
  z.object({ kind: z.literal('again'), message: z.string() }),
  z.object({ kind: z.literal('taken') }),
  z.object({ kind: z.literal('acquired'), place: z.string() }),
  /** The place is not ours any more, in words. */
  z.object({ kind: z.literal('lost'), message: z.string() }),
  z.object({ kind: z.literal('failed'), message: z.string(), hint: z.string().optional() }),
  z.object({ kind: z.literal('released') }),
  z.object({ kind: z.literal('not-released'), message: z.string() }),
])
export type KeeperMessage = z.infer<typeof keeperMessage>

export function parseTask(text: string): KeeperTask {
  return keeperTask.parse(JSON.parse(text))
}

export function parseMessage(line: string): KeeperMessage {
  return keeperMessage.parse(JSON.parse(line))
}
