import { spawn } from 'node:child_process'

const [, , S, R, N] = process.argv
const r = spawn(
  process.execPath,
  [
    '--cpu-prof',
    '--cpu-prof-dir=/tmp/bench-helper/prof',
    '/work/main/harness/cli/bench/memory-reader.ts',
    S,
    R,
    N,
  ],
  { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
)
const msgs = []
let w
r.on('message', (m) => {
  if (m.path) {
    w = spawn(process.execPath, ['/work/main/harness/cli/bench/flood-writer.ts', m.path, N], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  } else console.log(m.seconds, (N / 1e6 / m.seconds).toFixed(1), 'MB/s')
})
