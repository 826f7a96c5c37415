/** A board for the tests of observers whose shell is this host's own, with /proc and /sys of its own and these programs first. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { execa } from 'execa'
import type { Evidence, Occasion } from './observer.ts'

export type HostShell = {
  occasion: Occasion
  evidence: Evidence
  /** What a file of the board's holds, without the newline at its end. */
  read(path: string): string
}

/** `files` are the board's by their path, `programs` shell scripts by their name. */
export function hostShell(
  t: ExecutionContext,
  { files = {}, programs = {} }: { files?: Record<string, string>; programs?: Record<string, string> },
): HostShell {
  const root = mkdtempSync(join(tmpdir(), 'kexec-harness-shell-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  mkdirSync(join(root, 'bin'))
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(root, 'bin', name), 0o755)
  }
  const run = async (command: string) => {
    const own = command.replaceAll(/\/(?:sys|proc)\//g, (path) => `${root}${path}`)
    const PATH = `${join(root, 'bin')}:/usr/bin:/bin`
    const { exitCode, stdout } = await execa('sh', ['-c', own], {
      ...{ env: { PATH, LC_ALL: 'C' }, extendEnv: false, reject: false },
      stderr: 'ignore',
    })
    return { status: exitCode ?? -1, output: stdout }
  }
  const evidence: Evidence = { bindings: [], control: [], notes: [] }
  const board = { shell: { run } } as unknown as Occasion['board']
  return {
    occasion: { board, evidence, signal: new AbortController().signal },
    evidence,
    read: (path) => readFileSync(join(root, path), 'utf8').trim(),
  }
}
