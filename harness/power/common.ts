/** What every switch's entry in a descriptor may say besides its own keys. */
import { z } from 'zod'
import { durationText } from '../duration.ts'
import { secretSource } from '../secret.ts'
import { oneLine } from '../values.ts'

export const powerCommon = {
  offDwell: durationText.default('5s').meta({
    description: 'How long the board stays off before it is switched on: its capacitors have to empty.',
  }),
  retries: z.number().int().min(0).max(10).default(2).meta({
    description: 'How often a switching that failed is tried again.',
  }),
  retryDelay: durationText.default('2s').meta({ description: 'Between two attempts.' }),
}

/** The keys of a switch that wants a user and a password only where its owner has set one. */
export const optionalLogin = {
  user: oneLine.default('admin'),
  password: secretSource.optional().meta({ description: 'Absent: the device asks for none.' }),
}

export const verifyTls = z.boolean().default(true).meta({
  description:
    'False accepts any certificate, as a device with a self-signed one needs: for a network that only the lab reaches.',
})
