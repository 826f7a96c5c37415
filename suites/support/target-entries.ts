/** What the disk of a bootloader under test has to boot: good entries, and bad ones whose fault is known. */
import type { Descriptor } from '../../harness/board/descriptor.ts'
import { commandLine, newNonce } from '../../harness/kexec/command-line.ts'
import type { Entry } from '../../harness/kexec/menu-start.ts'
import type { EntryFault, TargetEntry } from '../../images/target-disk.ts'

/** An entry of the disk, and the nonce that its kernel will have. */
export type DiskEntry = TargetEntry & Entry & { isDefault: boolean }

/** Labels that say what happens, since a maintainer reads them in their own bootloader's menu. */
const wanted: readonly { label: string; fault: EntryFault; append?: string; isDefault?: true }[] = [
  { label: 'Main Linux A', fault: null, isDefault: true },
  { label: 'Main Linux B', fault: null, append: 'loglevel=7' },
  { label: 'Main Linux C', fault: null, append: 'loglevel=4 maxcpus=1' },
  { label: 'Bad: not a kernel', fault: 'garbage' },
  { label: 'Bad: missing file', fault: 'missing-kernel' },
  { label: 'Bad: corrupt kernel', fault: 'corrupt-kernel' },
  { label: 'Bad: wrong architecture', fault: 'wrong-arch' },
  { label: 'Bad: larger than memory', fault: 'too-large' },
  { label: 'Unsigned', fault: 'unsigned' },
]

/** What no server should send: u-root keeps all of it in memory, and the machine dies of that before it has it. */
const notByTftp: readonly EntryFault[] = ['too-large']

/** The entries of a new disk, or of a TFTP server, each with a nonce of its own. */
export function targetEntries(
  { arch, earlyConsole, append }: Descriptor,
  from: 'disk' | 'tftp' = 'disk',
): DiskEntry[] {
  const offered = from === 'disk' ? wanted : wanted.filter(({ fault }) => !notByTftp.includes(fault))
  return offered.map(({ label, fault, append: own, isDefault = false }) => {
    const nonce = newNonce()
    const words = [append, own].filter(Boolean).join(' ')
    return {
      ...{ label, fault, nonce, isDefault },
      commandLine: commandLine({ arch, earlyConsole, append: words, nonce }),
    }
  })
}
