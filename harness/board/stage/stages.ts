/** The stages that a descriptor can name: a new one is its file in this folder and its two entries here. */
import { z } from 'zod'
import { extlinuxStageSchema, runExtlinux } from './extlinux.ts'
import { grubStageSchema, runGrub } from './grub.ts'
import { loginStageSchema, runLogin } from './login.ts'
import { runShell, shellStageSchema } from './shell.ts'
import type { StageContext } from './stage.ts'
import { runUBoot, uBootStageSchema } from './u-boot.ts'
import { runUefiShell, uefiShellStageSchema } from './uefi-shell.ts'

export const stageTypes = z.discriminatedUnion('type', [
  shellStageSchema,
  loginStageSchema,
  uBootStageSchema,
  extlinuxStageSchema,
  grubStageSchema,
  uefiShellStageSchema,
])
export type Stage = z.infer<typeof stageTypes>

/** Goes through one stage; see RunStage for what it returns and throws. */
export function runStage(stage: Stage, context: StageContext): Promise<number> {
  switch (stage.type) {
    case 'shell':
      return runShell(stage, context)
    case 'login':
      return runLogin(stage, context)
    case 'u-boot':
      return runUBoot(stage, context)
    case 'extlinux':
      return runExtlinux(stage, context)
    case 'grub':
      return runGrub(stage, context)
    case 'uefi-shell':
      return runUefiShell(stage, context)
  }
}
