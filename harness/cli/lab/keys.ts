/** What is typed at a console: for the board, but for an escape key and what follows it. */

/** Ctrl-], as telnet, virsh and labgrid have it. */
const escapeKey = 0x1d
const breakKey = 'b'.charCodeAt(0)

export const keysHelp = 'Ctrl-] quits, Ctrl-] b sends BREAK, Ctrl-] Ctrl-] sends Ctrl-]'

/** How long after the escape key another may still follow it. */
const followMs = 1_000

export type KeyActions = {
  send(bytes: Buffer): void
  sendBreak(): void
  quit(): void
}

/** Tells the escape key from what the board shall get. */
export class Keys {
  readonly #actions: KeyActions
  #timer: NodeJS.Timeout | undefined

  constructor(actions: KeyActions) {
    this.#actions = actions
  }

  /** Takes in what was typed, in pieces of any size. */
  push(chunk: Buffer): void {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const key = chunk[at]!
      if (this.#timer) {
        this.#follow(key)
        start = at + 1
      } else if (key === escapeKey) {
        this.#send(chunk.subarray(start, at))
        start = at + 1
        this.#timer = setTimeout(this.#actions.quit, followMs)
      }
    }
    this.#send(chunk.subarray(start))
  }

  /** Forgets an escape key that nothing followed. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #follow(key: number): void {
    this.close()
    if (key === breakKey) this.#actions.sendBreak()
    else if (key === escapeKey) this.#send(Buffer.of(escapeKey))
    else this.#actions.quit()
  }

  #send(bytes: Buffer): void {
    if (bytes.length > 0) this.#actions.send(bytes)
  }
}
