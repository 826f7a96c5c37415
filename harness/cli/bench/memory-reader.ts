/** Reads one console as a run does, recording, detecting and expecting, and tells how much memory that takes. */
import { rmSync } from 'node:fs'
import { loadCatalogue } from '../../detect/catalogue.ts'
import { Detector } from '../../detect/detector.ts'
import { endWithParent, tellParent } from './child.ts'
import { openConsole } from './consoles.ts'

const samples = 200

export type MemorySample = { bytes: number; rss: number; heap: number }

endWithParent()
const [sockets, recordings, bytes] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])]
const open = await openConsole(sockets, recordings, 'flood')
// The recording keeps its place on the disk only as long as this process lives, even if it is killed.
rmSync(recordings, { recursive: true })
const detector = new Detector({ signatures: await loadCatalogue(), arch: 'x86_64' })
open.console.onLine((line) => detector.line(line, 'userspace'))
const never = { timeoutMs: 3_600_000, what: 'text that never comes' }
const waiting = [open.console.expect('never said', never), open.console.expect(/never (said|heard)/, never)]
for (const one of waiting) one.catch(() => {})
const taken: MemorySample[] = []
open.console.onLine(() => {
  const position = open.console.position
  if (position < ((taken.length + 1) * bytes) / samples) return
  const { rss, heapUsed } = process.memoryUsage()
  taken.push({ bytes: position, rss, heap: heapUsed })
})
await tellParent({ path: open.path })
let start = 0
const stop = open.console.onLine(() => {
  start = performance.now()
  stop()
})
await open.ended
const seconds = (performance.now() - start) / 1000
await tellParent({ taken, seconds, read: open.console.position })
process.exit(0)
