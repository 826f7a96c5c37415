/** `npm run matrix:shutdown`: what each device is left doing by each kernel, as a table. */
import type { CycleSummary, RunSummary } from '../../journal/summary-schema.ts'
import { markdownTable } from './markdown.ts'

type Device = NonNullable<CycleSummary['observed']>['readings'][number]['devices'][number]

/** Kernels by image, oldest first: Debian 11, 12, 13 and the newest there is. */
const releases = ['bullseye', 'bookworm', 'trixie', 'sid']

/** Boards with one of each device, and the ending of the images that they boot. */
export const matrixBoards = [
  { board: 'qemu-x86_64-devices', images: releases.map((release) => `${release}-amd64`) },
  { board: 'qemu-aarch64-devices', images: releases.map((release) => `${release}-arm64`) },
]

/** How a device is called in the table: its driver where it has one, since virtio serves several kinds. */
const rows: { name: string; is: (device: Device) => boolean }[] = [
  { name: 'virtio-net', is: ({ drivers }) => drivers.includes('virtio_net') },
  { name: 'virtio-blk', is: ({ drivers }) => drivers.includes('virtio_blk') },
  { name: 'AHCI', is: ({ family }) => family === 'ahci' },
  { name: 'NVMe', is: ({ family }) => family === 'nvme' },
  { name: 'e1000e', is: ({ drivers }) => drivers.includes('e1000e') },
  { name: 'xHCI with storage', is: ({ family }) => family === 'xhci' },
]

/** How the kexec itself went, whatever its devices did. */
const kexecRow = 'the kexec'

/** One run's part of the table. */
export type Column = { kernel: string; cells: Map<string, string> }

/** What the cycles of one run say of each device; the rows are those of `kexec -e` and of `kexec -e -x`. */
export function columnOf(summary: RunSummary): Column | undefined {
  const cycles = summary.boards.flatMap((board) => board.cycles)
  const kernel = cycles.find((cycle) => cycle.kernel !== null)?.kernel
  if (kernel === undefined || kernel === null) return undefined
  const states = new Map<string, Set<string>>()
  const add = (name: string, { noIfdown }: CycleSummary, state: string) => {
    const key = rowKey(name, noIfdown ?? false)
    states.set(key, (states.get(key) ?? new Set()).add(state))
  }
  for (const cycle of cycles) {
    for (const { name, is } of rows)
      for (const device of cycle.observed?.readings[0]?.devices.filter(is) ?? [])
        add(name, cycle, describe(device, cycle))
    add(kexecRow, cycle, cycle.proven ? 'came up' : `**${cycle.diagnosis?.kind ?? cycle.verdict}**`)
  }
  return { kernel, cells: new Map([...states].map(([key, all]) => [key, [...all].join('; ')])) }
}

function rowKey(name: string, noIfdown: boolean): string {
  return noIfdown ? `${name}, \`-x\`` : name
}

function describe(device: Device, { observed }: CycleSummary): string {
  const shutdown = observed?.shutdown?.devices.find((one) => one.device === device.address)
  const words = [
    device.busMaster ? '**masters the bus**' : 'master off',
    device.running === null
      ? 'engine unknown'
      : device.running
        ? device.waking
          ? 'armed for wake-up'
          : '**engine runs**'
        : 'stopped',
    device.notReset ? 'not reset' : 'reset',
  ]
  if (shutdown?.hasShutdown === false) words.push('no shutdown()')
  return words.join(', ')
}

/** The table in Markdown; a device that one architecture lacks has no row there. */
export function shutdownTable(columns: readonly Column[]): string {
  const keys = [...rows, { name: kexecRow }]
    .flatMap(({ name }) => [rowKey(name, false), rowKey(name, true)])
    .filter((key) => columns.some(({ cells }) => cells.has(key)))
  return markdownTable(
    ['device', ...columns.map(({ kernel }) => kernel)],
    keys.map((key) => [key, ...columns.map(({ cells }) => cells.get(key) ?? '-')]),
  )
}
