// Runs on any Node >= 20: installs what package-lock.json names, then hands over to the pinned Node 24,
// which runs the TypeScript of this project as it is. Plain JavaScript, because nothing is installed yet.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { constants, homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const neededMajor = 24
// To `git bisect run` a 3 is a bad commit, and 125 is one that can't be tested.
const labFault = process.argv.includes('--bisect') ? 125 : 3

if (!isInstalled()) await install()
if (process.argv[2] === 'install') process.exit(0)
if (Number.parseInt(process.versions.node, 10) >= neededMajor) await runHere()
else await runPinned()

/** npm writes node_modules/.package-lock.json last, so one that agrees with ours proves a whole install. */
function isInstalled() {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'))
  if (!wanted || !present) return false
  return Object.entries(wanted).every(
    ([name, entry]) =>
      name === '' || present[name]?.version === entry.version || (entry.optional && !present[name]),
  )
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

async function install() {
  // Not `npm ci`: that refuses a lock file without the optional packages of other platforms, which not every
  // registry mirror has. This installs the same locked versions and leaves the lock file alone.
  const command = 'npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error'
  console.error(`set-up: installing npm packages (${command}), about 20 s`)
  const [program, ...args] = command.split(' ')
  const status = await run(program, args, { stdio: ['ignore', 2, 2] })
  if (status === 0 && isInstalled()) return
  console.error(`set-up: npm packages could not be installed (status ${status}).`)
  console.error(
    `Is the npm registry reachable and the disk not full? Then run by hand, in ${root}:\n  ${command}`,
  )
  process.exit(status === 130 ? 130 : labFault)
}

async function runHere() {
  const cache =
    process.env.KEXEC_HARNESS_CACHE ??
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kexec-harness')
  // Compiled code is kept between runs: it halves the time from start to QEMU.
  process.env.NODE_COMPILE_CACHE ??= join(cache, 'compile')
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
  const { main } = await import('./cli/main.ts')
  await main(process.argv.slice(2))
}

async function runPinned() {
  const node = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  if (!existsSync(node)) {
    console.error(
      `set-up: this needs Node ${neededMajor} or newer; here is ${process.version} on ${process.platform}-${process.arch},`,
    )
    console.error('for which no pinned Node exists. Install Node 24 and run the same command again.')
    process.exit(labFault)
  }
  // The channel tells the child when this process is gone, also by SIGKILL.
  process.exit(
    await run(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    }),
  )
}

function run(program, args, options) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, ...options })
    // Ctrl-C reaches the whole process group; the child decides when it is done.
    const forward = (signal) => child.kill(signal)
    process.on('SIGINT', () => {})
    process.on('SIGTERM', forward)
    process.on('SIGHUP', forward)
    child.on('error', (error) => {
      console.error(`set-up: cannot run ${program}: ${error.message}`)
      resolve(labFault)
    })
    // Killed is not failed: 128 and more, as a shell says it, is no test's verdict.
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}
