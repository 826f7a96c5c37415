/** Options of kexec-tools that a load or an execute may be given beyond what a descriptor says; kexec(8) of 2.0.25. */
import { quote } from '../console/shell.ts'

export type KexecToolsOptions = {
  /** Lowest physical address of a segment (`--mem-min`). kexec_file_load ignores it without a word. */
  memMin?: number
  /** Highest physical address of a segment (`--mem-max`). kexec_file_load ignores it without a word. */
  memMax?: number
  /** The running kernel's command line comes before what is appended (`--reuse-cmdline`). */
  reuseCommandLine?: boolean
  /** Path on the board of the new kernel's device tree (`--dtb`); x86's kexec does not know it. */
  dtb?: string
  /** False leaves out the sync(2) that ends a load and comes before the execute (`-y`). */
  sync?: boolean
  /** Has the load tell its segments and entry point (`-d`), which the result then holds as `layout`. */
  debug?: boolean
}

/** The options of a load, as they are typed. */
export function loadWords(options: KexecToolsOptions = {}): string[] {
  const { memMin, memMax, dtb } = options
  return [
    ...(options.debug ? ['-d'] : []),
    ...(options.sync === false ? ['-y'] : []),
    ...(memMin === undefined ? [] : [`--mem-min=0x${memMin.toString(16)}`]),
    ...(memMax === undefined ? [] : [`--mem-max=0x${memMax.toString(16)}`]),
    ...(dtb === undefined ? [] : [`--dtb=${quote(dtb)}`]),
    ...(options.reuseCommandLine ? ['--reuse-cmdline'] : []),
  ]
}
