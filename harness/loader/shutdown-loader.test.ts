import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import { Console } from '../console/console.ts'
import { Shell } from '../console/shell.ts'
import { shutdownLoader } from './shutdown-loader.ts'

const method = { syscall: 'kexec_load', checks: true, ifdown: true } as const

/** A real shell, whose commands are functions: nothing of the machine that runs the test is shut down. */
async function openShell(t: ExecutionContext): Promise<Shell> {
  const child: ChildProcessWithoutNullStreams = spawn('script', ['-qfc', 'sh -i', '/dev/null'], {
    env: { ...process.env, PS1: '# ', ENV: '', TERM: 'vt100' },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const console = new Console({ write: async (bytes) => void child.stdin.write(bytes) })
  child.stdout.on('data', (chunk: Buffer) => console.feed(chunk, process.hrtime.bigint()))
  const shell = new Shell(console, { echoTimeoutMs: 30_000 })
  await shell.synchronise(30_000)
  return shell
}

const simulated = shutdownLoader({ name: 'simulated', command: 'simulated_shutdown' })

test('a command that refuses is told with what it said', async (t) => {
  const shell = await openShell(t)
  await shell.run('simulated_shutdown() { echo No kexec kernel loaded; return 1; }', { timeoutMs: 30_000 })
  const { status, output } = await simulated.execute(shell, method, { timeoutMs: 60_000 })
  t.is(status, 1)
  t.is(output, 'No kexec kernel loaded')
})

test('a shell that is back before the shutdown begins is no failure: the new kernel ends the wait', async (t) => {
  const shell = await openShell(t)
  await shell.run('simulated_shutdown() { echo queued; }', { timeoutMs: 30_000 })
  const arrived = new AbortController()
  let started = false
  const execute = simulated.execute(shell, method, {
    timeoutMs: 600_000,
    signal: arrived.signal,
    onStarted: () => {
      started = true
    },
  })
  const outcome = execute.then(
    () => 'resolved',
    () => 'aborted',
  )
  // The shell runs its next command while the loader still waits.
  while (!started) await new Promise((resolve) => setTimeout(resolve, 20))
  t.is((await shell.run('echo $((6*7))', { timeoutMs: 30_000 })).output, '42')
  arrived.abort()
  t.is(await outcome, 'aborted')
})

test('one that was accepted and came to nothing is told when its time is over', async (t) => {
  const shell = await openShell(t)
  await shell.run('simulated_shutdown() { :; }', { timeoutMs: 30_000 })
  const { status, output } = await simulated.execute(shell, method, { timeoutMs: 5_000 })
  t.is(status, 0)
  t.regex(output, /`simulated_shutdown` was accepted, but no new kernel came/)
})

test('it takes the network down, and says so where it should not', (t) => {
  t.is(simulated.cannot!(method), undefined)
  t.regex(simulated.cannot!({ ...method, ifdown: false })!, /knows no -x/)
})
