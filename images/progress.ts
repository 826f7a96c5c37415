/** What a long step tells whoever waits for it. */

/** `doneBytes` and `totalBytes` are there while something is downloaded or unpacked whose size is known. */
export type ProgressEvent = {
  /** What is being done, as a person reads it: `download linux-image-6.1.0-18-cloud-amd64`. */
  step: string
  doneBytes?: number
  totalBytes?: number
}

export type Progress = (event: ProgressEvent) => void

/** Where a long step reports to and how it is cancelled. */
export type Watch = { progress?: Progress; signal?: AbortSignal }
