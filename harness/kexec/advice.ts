/** What to try next, for each way a kexec fails. */
import type { DiagnosisKind } from './outcome.ts'

type Known = { phase: 'load' | 'shutdown' | 'handover' | 'early' | 'userspace'; advice: string }

const known: Record<DiagnosisKind, Known> = {
  'load-error': {
    phase: 'load',
    advice: "Run the loader's command on the board with -d: it says which segment or syscall was refused.",
  },
  'exec-error': {
    phase: 'load',
    advice: 'Check that the kernel was loaded and not unloaded since, and that kexec is not disabled.',
  },
  refused: {
    phase: 'load',
    advice:
      "The bootloader's own words say what it could not read or load: look at that entry's files on the disk.",
  },
  'hang-in-loader': {
    phase: 'load',
    advice:
      'The bootloader neither booted the entry nor said why not: its own log and the screen are what there is.',
  },
  'hang-in-shutdown': {
    phase: 'shutdown',
    advice:
      'A shutdown() of a driver does not come back: boot with initcall_debug to see the last device, or unbind drivers first.',
  },
  'hang-in-gap': {
    phase: 'handover',
    advice:
      'Compare with --no-checks (purgatory), more gap limit (slow digest), and earlycon/earlyprintk (a late console).',
  },
  'purgatory-digest-mismatch': {
    phase: 'handover',
    advice:
      "Something wrote into the new kernel's segments after they were loaded: a device that still does DMA, or a kernel that uses memory which it had given away. Compare with --no-checks and look at the findings beside this one.",
  },
  'hang-in-kernel': {
    phase: 'early',
    advice: 'Look at the last message: its subsystem meets hardware that the old kernel left running.',
  },
  panic: {
    phase: 'early',
    advice: 'Read the trace; compare with a cold boot of the same kernel, initramfs and command line.',
  },
  reset: {
    phase: 'handover',
    advice:
      'A triple fault or a watchdog: check watchdogs that the old kernel left armed, and the memory map.',
  },
  'lost-console': { phase: 'early', advice: 'The new kernel runs: check console= of its command line.' },
  'cold-reboot': {
    phase: 'handover',
    advice: 'The loader fell back to a reboot: check that a kernel was loaded when it executed.',
  },
  'not-proven': { phase: 'handover', advice: 'Check that the loader passes the command line on.' },
  'wrong-entry': {
    phase: 'load',
    advice:
      'The bootloader booted another entry than the one that was selected on its screen: that is its mistake.',
  },
  'board-died': { phase: 'handover', advice: "Look at the machine's own output." },
}

/** The phase in which a failure of this kind happens. */
export function phaseOf(kind: DiagnosisKind): Known['phase'] {
  return known[kind].phase
}

/** One sentence on what to try next. */
export function adviceFor(kind: DiagnosisKind): string {
  return known[kind].advice
}
