import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { Console } from './console.ts'
import { quote, Shell } from './shell.ts'

const limit = { timeoutMs: 30_000 }

type Line = {
  /** What happens to bytes on their way to the shell. */
  in?: (bytes: Buffer) => Buffer
  /** What happens to bytes on their way back. */
  out?: (bytes: Buffer) => Buffer
}

/** A real shell on a real terminal (script(1) makes the PTY), behind a line that may be bad. */
async function openShell(t: ExecutionContext, line: Line = {}): Promise<Shell> {
  const child: ChildProcessWithoutNullStreams = spawn('script', ['-qfc', 'sh -i', '/dev/null'], {
    env: { ...process.env, PS1: '# ', ENV: '', TERM: 'vt100' },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const console = new Console({ write: async (bytes) => void child.stdin.write(line.in?.(bytes) ?? bytes) })
  child.stdout.on('data', (chunk: Buffer) =>
    console.feed(line.out?.(chunk) ?? chunk, process.hrtime.bigint()),
  )
  const shell = new Shell(console, { echoTimeoutMs: line.in ? 1_000 : 30_000 })
  await shell.synchronise(limit.timeoutMs)
  return shell
}

test('a command gives its output and status', async (t) => {
  const shell = await openShell(t)
  const result = await shell.run('printf "one\\ntwo\\n"; (exit 3)', limit)
  t.is(result.output, 'one\ntwo')
  t.is(result.status, 3)
  t.true(result.endedNs >= result.startedNs)
})

test('neither the echo of a command nor a quoted token in its output is taken for its end', async (t) => {
  const shell = await openShell(t)
  const result = await shell.run(`echo 'E0q000000z42 S42q000000z'`, limit)
  t.is(result.output, 'E0q000000z42 S42q000000z')
})

test('kernel messages between any two bytes of the output do not reach the answer', async (t) => {
  let count = 0
  const printk = (bytes: Buffer) =>
    Buffer.concat(
      [...bytes].map((byte) =>
        Buffer.concat([
          Buffer.from([byte]),
          Buffer.from(++count % 7 === 0 ? `[   12.345678] printk ${count}\r\n` : ''),
        ]),
      ),
    )
  const shell = await openShell(t, { out: printk })
  const result = await shell.run('echo answer; (exit 7)', limit)
  t.is(result.output, 'answer')
  t.is(result.status, 7)
})

test('a command longer than any line editor takes arrives whole', async (t) => {
  const shell = await openShell(t)
  const words = Array.from({ length: 400 }, (_, index) => `it's-${index}`).join(' ')
  const result = await shell.run(`echo ${quote(words)}`, limit)
  t.is(result.output.replaceAll('\n', ''), words)
})

test('a byte lost once on its way to the shell is noticed, and the command is typed again', async (t) => {
  let losses = 1
  const drop = (bytes: Buffer) => {
    const at = bytes.indexOf('precious')
    return at === -1 || losses-- <= 0 ? bytes : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  }
  const shell = await openShell(t, { in: drop })
  t.is((await shell.run('echo precious', limit)).output, 'precious')
})

test('a blank that was lost is noticed: what it kept apart is another word without it', async (t) => {
  let losses = 1
  const shell = await openShell(t, {
    in: (bytes) => {
      const at = bytes.indexOf('echo answer')
      if (at === -1 || losses-- <= 0) return bytes
      return Buffer.concat([bytes.subarray(0, at + 4), bytes.subarray(at + 5)])
    },
  })
  const { output, status } = await shell.run('echo answer', limit)
  t.is(output, 'answer')
  t.is(status, 0)
})

test('a line that always loses a byte is called what it is, and nothing wrong is executed', async (t) => {
  const drop = (bytes: Buffer) => {
    const at = bytes.indexOf('precious')
    return at === -1 ? bytes : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  }
  const shell = await openShell(t, { in: drop })
  const error = await t.throwsAsync(shell.run('echo precious', limit), { instanceOf: LabError })
  t.regex(error?.message ?? '', /the console corrupts input/)
})

test('every word survives quoting', async (t) => {
  const shell = await openShell(t)
  const word = `a'b"c$d\`e\\f;g|h&i j*`
  t.is((await shell.run(`printf %s ${quote(word)}`, limit)).output, word)
})
