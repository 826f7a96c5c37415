/** The UEFI shell: its startup.nsh is skipped, commands run. */
import { z } from 'zod'
import { oneLine } from '../../values.ts'
import { type Dialect, FirmwarePrompt, firmwareCommands } from './firmware-prompt.ts'
import type { RunStage } from './stage.ts'
import { stageKeys, startLimit } from './stage-keys.ts'

export const uefiShellStageSchema = z
  .strictObject({
    type: z.literal('uefi-shell'),
    ...stageKeys,
    prompt: oneLine.optional().meta({
      description: "The shell's prompt, as plain text, where it is not Shell> or FS0:\\> and the like.",
    }),
    commands: firmwareCommands.meta({
      description:
        'Run one after the other; the last one need not come back. Before them the variable harness_args is set to the kernel command line that the harness wants: %harness_args%.',
    }),
  })
  .meta({ description: 'The UEFI shell.' })
type UefiShellStage = z.infer<typeof uefiShellStageSchema>

/** The current file system and folder; ShellPkg/Application/Shell/Shell.c of EDK II, DoShellPrompt(). */
const usualPrompt = /(?:Shell|\w+:\\[^\r\n<>]*)> /

export const runUefiShell: RunStage<UefiShellStage> = async (stage, context) => {
  const left = startLimit(stage.limit, context)
  const { name = 'UEFI shell', prompt = usualPrompt } = stage
  const firmware = new FirmwarePrompt({ ...uefiShell, name, prompt }, context, left)
  await firmware.reach({ at: 'to skip startup.nsh', send: '\x1b' })
  return await firmware.run(stage.commands)
}

const uefiShell: Omit<Dialect, 'name' | 'prompt'> = {
  // Escape empties the line.
  cancel: '\x1b\r',
  setArguments: (commandLine) => [`set -v harness_args "${commandLine.replaceAll('"', '^"')}"`],
  // UEFI Shell Specification 2.2, 3.6.1 (lasterror); EDK II's ShellCommandRegisterCommandName(), CanAffectLE.
  // set, cd and echo leave lasterror as it was; ver makes it 0.
  before: 'ver -s',
  // Two commands don't fit into a line.
  withStatus: (command, token) => [command, `echo S%lasterror%${token}`],
}
