/** Where a recording goes: a new file, or standard output. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { LabError, UsageError } from '../../errors.ts'

export type Output = Disposable & { path: string; isStandard: boolean; write(text: string): void }

/** Makes the file; `-` is standard output. Throws UsageError where one is in the way, LabError where it can't be written. */
export function createOutput(path: string): Output {
  const isStandard = path === '-'
  const fd = isStandard ? process.stdout.fd : create(path)
  return {
    path,
    isStandard,
    write(text) {
      const bytes = Buffer.from(text)
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
      } catch (cause) {
        throw new LabError(`cannot write ${path}: ${wordsOf(cause)}`, { cause })
      }
    },
    [Symbol.dispose]() {
      if (!isStandard) closeSync(fd)
    },
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UsageError(`${path} is there already`, { hint: 'Name another file with -o FILE.', cause })
    throw new LabError(`cannot write ${path}: ${wordsOf(cause)}`, {
      hint: 'Name another file with -o FILE.',
      cause,
    })
  }
}

function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' ? 'the disk is full' : message
}
