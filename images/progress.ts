/** What a long step tells whoever waits for it. */

/** Is told what is being done, as a person reads it: `download libc6: 1.2 of 2.8 MB`. */
export type Progress = (text: string) => void

/** Where a long step reports to and how it is cancelled. */
export type Watch = { progress?: Progress; signal?: AbortSignal }

/** Smaller downloads are over before anyone could wonder. */
const worthSayingBytes = 1e6
/** A long step says how far it is this often. */
const everyMs = 2000

/**
 * Reports how much of a download is done: its start, unless it is a small one, then every two seconds.
 * Returns what is to be called with the bytes that are done.
 */
export function reportBytes(
  progress: Progress | undefined,
  step: string,
  totalBytes: number,
  now: () => number = () => performance.now(),
): (doneBytes: number) => void {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  if (totalBytes >= worthSayingBytes) progress?.(`${step} (${megabytes(totalBytes)} MB)`)
  let last = now()
  return (doneBytes) => {
    if (now() - last < everyMs) return
    last = now()
    progress?.(`${step}: ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`)
  }
}
