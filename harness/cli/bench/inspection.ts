/** What it costs to look at the devices between two kernels: how long the guest stands still for it. */
import { createObserving } from '../../kexec/observe/observing.ts'
import { summarize } from '../../stats/summary.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { openSession } from './session.ts'

const boundMs = 50
const cycles = 10
/** Disks behind four kinds of controllers, two network cards and a chipset: ten PCI devices. */
const boardName = 'qemu-x86_64-devices'
const method = { syscall: 'kexec_load', checks: false, ifdown: true } as const

export const inspection: Benchmark = {
  name: 'inspection',
  about: `time that the guest is stopped while its devices are read between two kernels, on ${boardName}`,
  run,
}

async function run(context: BenchContext): Promise<Row[]> {
  await using resources = new AsyncDisposableStack()
  const { session } = await openSession(resources, context, { board: [boardName] }, (descriptor) =>
    createObserving({ descriptor, slowShutdownMs: Infinity, busy: false, offsets: async () => ({}) }),
  )
  const stoppedMs: number[] = []
  let devices = 0
  while (stoppedMs.length < cycles) {
    const { failure, evidence } = await session.cycle(method)
    if (failure) throw failure
    if (!evidence?.inspection) continue
    stoppedMs.push(evidence.inspection.stoppedMs)
    devices = evidence.inspection.devices.length
    context.progress(
      `inspection: ${stoppedMs.length} of ${cycles}, ${stoppedMs.at(-1)!.toFixed(1)} ms for ${devices} devices`,
    )
  }
  const { median, max } = summarize(stoppedMs)
  return [
    {
      benchmark: 'inspection',
      figure: `${median.toFixed(1)} ms`,
      bound: `≤ ${boundMs} ms`,
      verdict: verdict(median <= boundMs),
      n: `${cycles} kexecs`,
      note: `${devices} PCI devices, both stops together, longest ${max.toFixed(1)} ms; reported gaps are without it`,
    },
  ]
}
