/** Reads sixteen consoles, as a run does or barely, and tells how far each line's time is from the one written in it. */
import { join } from 'node:path'
import { listenOnce } from '../../../qemu/sockets.ts'
import { LineSplitter } from '../../console/lines.ts'
import { endWithParent, tellParent } from './child.ts'
import { openConsole } from './consoles.ts'

/** A line as it was read, and when. */
type OnLine = (text: string, atNs: bigint) => void
/** Something that reads one connection; `ended` resolves when the other end has closed. */
type Reader = { path: string; ended: Promise<void> }

async function harnessReader(folder: string, name: string, onLine: OnLine): Promise<Reader> {
  const open = await openConsole(folder, folder, name)
  open.console.onLine(({ text, atNs }) => onLine(text, atNs))
  return open
}

/** Takes the time, cuts lines, and does nothing else. */
async function bareReader(folder: string, name: string, onLine: OnLine): Promise<Reader> {
  const listener = await listenOnce(join(folder, `${name}.sock`))
  const splitter = new LineSplitter()
  const { promise, resolve } = Promise.withResolvers<void>()
  listener.connected.then((socket) => {
    socket.on('data', (chunk: Buffer) => {
      const atNs = process.hrtime.bigint()
      for (const line of splitter.push(chunk, atNs)) onLine(line.text, line.atNs)
    })
    socket.on('close', () => resolve())
  }, resolve)
  return { path: listener.path, ended: promise }
}

endWithParent()
const [kind, folder, count] = [process.argv[2], process.argv[3]!, Number(process.argv[4])]
const errorsMs: number[] = []
const onLine: OnLine = (text, atNs) => {
  const written = /^@(\d+) /.exec(text)
  if (written) errorsMs.push(Number(atNs - BigInt(written[1]!)) / 1e6)
}
const open = kind === 'bare' ? bareReader : harnessReader
const readers: Reader[] = []
for (let index = 0; index < count; index++) readers.push(await open(folder, `board${index}`, onLine))
await tellParent({ paths: readers.map(({ path }) => path) })
await Promise.all(readers.map(({ ended }) => ended))
await tellParent({ errorsMs })
process.exit(0)
