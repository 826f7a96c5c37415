/** Whether a board can be asked over its network. */
import { isQemu } from '../../harness/board/kinds.ts'
import { answersNetwork } from '../../harness/kexec/observe/downtime.ts'
import { guestAddressParameter } from '../../qemu/ping.ts'
import type { BoardUnderTest } from './board-under-test.ts'

/** Why it can't, and what to do about it; undefined where it can. Throws LabError where it is the host that can't. */
export async function networkMissing({ board, session }: BoardUnderTest): Promise<string | undefined> {
  const { name, network } = board.descriptor
  const ofQemu = isQemu(board.descriptor)
  if (!board.askNetwork) {
    const key = ofQemu ? 'machine: { nics: [virtio-net-pci] }' : 'network: { host: ADDRESS, tcpPort: 22 }'
    return `nothing is known of a network of ${name}: its descriptor needs ${key}`
  }
  await session.ensureRunning()
  if (await answersNetwork(board, new AbortController().signal)) return undefined
  return ofQemu
    ? `${name} answers neither ping nor TCP: its init has to do as ${guestAddressParameter} on its command line says, as images/guest/init does, and needs the driver of its card`
    : `${name} answers neither ping nor TCP at ${network?.host}`
}
