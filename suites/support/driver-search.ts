/** Names the driver behind a finding: cold boots in which halves of the bound drivers are unbound before the kexec. */
import type { Descriptor } from '../../harness/board/descriptor.ts'
import { type Binding, driverOf } from '../../harness/detect/binding.ts'
import { isSerious } from '../../harness/detect/finding.ts'
import type { Finding } from '../../harness/journal/events.ts'
import { bisectDrivers } from '../../harness/kexec/bisect-drivers.ts'
import type { KexecSession } from '../../harness/kexec/session.ts'
import type { LoadMethod } from '../../harness/loader/loader.ts'
import { findingsOf } from './findings.ts'

type Search = {
  finding: Finding
  /** What was bound when the finding was made. */
  bindings: readonly Binding[]
  session: KexecSession
  method: LoadMethod
  descriptor: Descriptor
}

/** The finding with its driver, or undefined where no single one is behind it. `tell` hears of each trial. */
export async function searchDriver(
  { finding, bindings, session, method, descriptor }: Search,
  tell: (text: string) => void,
): Promise<Finding | undefined> {
  const nameOf = (device: string) => {
    const binding = bindings.find((one) => one.device === device)
    return binding ? `${driverOf(binding)} (${device})` : device
  }
  const list = (devices: readonly string[]) => devices.map(nameOf).join(', ')
  const { culprit, trials } = await bisectDrivers(
    bindings.map(({ device }) => device),
    async (unbound) => {
      await session.boot()
      const cycle = await session.cycle(method, { unbind: unbound })
      const seen = findingsOf(cycle, descriptor).some((one) => isSerious(one) && isSame(one, finding))
      tell(
        `searching the driver behind ${finding.id}: ${seen ? 'still there' : 'gone'} without ${list(unbound)}`,
      )
      return seen
    },
  )
  const evidence = trials.map(
    ({ unbound, seen }) => `${seen ? 'still there' : 'gone'} without ${list(unbound)}`,
  )
  if (culprit === null) {
    tell(`no single driver is behind ${finding.id}: ${evidence.at(-1) ?? 'none is bound'}`)
    return undefined
  }
  const binding = bindings.find(({ device }) => device === culprit)!
  tell(`the driver behind ${finding.id} is ${nameOf(culprit)}, by ${trials.length} kexecs`)
  return { ...finding, device: culprit, driver: driverOf(binding), confidence: 'seen', evidence }
}

/** Of the same device, where the finding names one: another device may have the same fault. */
function isSame(one: Finding, wanted: Finding): boolean {
  return one.id === wanted.id && (wanted.device === null || one.device === wanted.device)
}
