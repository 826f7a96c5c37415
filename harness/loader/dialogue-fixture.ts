/** The worked example of docs/loaders/dialogue.md: a prompt in the manner of kboot, as a descriptor describes it. */
import { loaderTypes } from '../board/loader-types.ts'
import type { DialogueChoice } from './dialogue.ts'

/** The `loader` of a descriptor for fixtures/kboot-prompt. */
export const kbootLoader = {
  type: 'dialogue',
  name: 'kboot',
  configs: ['kboot'],
  prompt: 'kboot: ',
  fresh: '\x15\r',
  hold: [{ press: ['Enter'] }],
  menu: {
    on: 'lines',
    begins: 'Labels:',
    ends: 'kboot: ',
    entry: '^  (?<label>\\S.*)$',
    default: 'Enter\\. (?<label>.+) is booted in',
    countdown: 'is booted in (?<seconds>\\d+) seconds',
    again: [{ send: 'list' }],
  },
  boot: [{ send: '{label}' }],
  edited: [{ send: '{label} {edit}' }],
  timeOver: 'Time is up.',
  executing: 'Starting ',
  refused: ["kboot: can't load", ': no such label'],
}

/** A descriptor's loader of this type, checked as a descriptor is. */
export function dialogueChoice(loader: unknown): DialogueChoice {
  return loaderTypes.parse(loader) as DialogueChoice
}
