/** A session on a board as a run has it, for benchmarks. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imageSchema } from '../../../images/image.ts'
import { removeFolder } from '../../../qemu/sockets.ts'
import { parsedDescriptor } from '../../board/descriptor.ts'
import type { QemuDescriptor } from '../../board/kinds.ts'
import { QemuBoard, type QemuChoice } from '../../board/qemu-board.ts'
import type { WarmStates } from '../../board/warm-states.ts'
import { ConsoleRecorder } from '../../console/recorder.ts'
import { loadCatalogue } from '../../detect/catalogue.ts'
import { JournalWriter } from '../../journal/journal.ts'
import { loadMarkers } from '../../kexec/markers.ts'
import type { Observing } from '../../kexec/observe/observer.ts'
import { KexecSession } from '../../kexec/session.ts'
import { kexecTools } from '../../loader/kexec-tools.ts'
import { prepareBoards } from '../prepare.ts'
import { parseRunFlags, type RunFlags } from '../run-options.ts'
import type { BenchContext } from './benchmark.ts'

/** Opens the board that the flags name, with recorder and journal as in a run; `resources` closes it all. */
export async function openSession(
  resources: AsyncDisposableStack,
  { progress, signal }: BenchContext,
  flags: Omit<RunFlags, 'results'>,
  observing?: (descriptor: QemuDescriptor) => Observing,
  /** Power-ons go on from what these hold; absent: each boots. */
  states?: WarmStates,
): Promise<{ session: KexecSession; board: QemuBoard }> {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-bench-'))
  resources.defer(() => removeFolder(folder))
  const options = await parseRunFlags({ ...flags, results: folder }, { boards: [], suites: ['smoke'] })
  const {
    boards: [plan],
  } = await prepareBoards(options, progress, signal)
  const descriptor = parsedDescriptor.parse(plan!.descriptor) as QemuDescriptor
  const recorder = resources.use(
    new ConsoleRecorder({
      folder,
      board: descriptor.name,
      originNs: process.hrtime.bigint(),
      onFailure: (error) => progress(error.message),
    }),
  )
  const journal = resources.use(new JournalWriter(join(folder, 'journal.jsonl')))
  const image = imageSchema.parse(plan!.image)
  const board = resources.use(
    new QemuBoard({
      ...{ descriptor, image, qemu: plan!.machine as QemuChoice, recorder },
      ...{ faultDisk: plan!.fault?.disk, states },
    }),
  )
  const session = new KexecSession({
    board,
    loader: kexecTools,
    markers: await loadMarkers(descriptor.arch, descriptor.markers),
    loadSignatures: loadCatalogue,
    listener: {
      bootStarted: () => {},
      bootEnded: () => {},
      recovery: () => {},
      mark: (name, atNs, line) =>
        journal.add({ type: 'mark', t: Number(atNs), board: descriptor.name, cycle: 1, name, line }),
    },
    observing: observing?.(descriptor),
    warm: states !== undefined,
    signal,
  })
  return { session, board }
}
