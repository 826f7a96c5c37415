/** The stages that a descriptor can name: a new one is its file in this folder and its two entries here. */
import { z } from 'zod'
import { shellStageSchema } from './shell.ts'

export const stageTypes = z.discriminatedUnion('type', [shellStageSchema])
export type Stage = z.infer<typeof stageTypes>
