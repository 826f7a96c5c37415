/** Kernel logs of any length, made from a real one by repeating and varying it. */
import { readFileSync } from 'node:fs'

/**
 * A Debian 6.1 cloud kernel's boot on QEMU's q35 with virtio-net, nvme and xhci, recorded from its serial port up to
 * where it looked for its root disk.
 */
const recorded = readFileSync(new URL('kernel-log.txt', import.meta.url), 'latin1')
  .trimEnd()
  .split('\n')

const stamped = /^\[ *(\d+\.\d+)\] (.*)$/

/** Seconds from one repetition's first message to the next one's. */
const bootSeconds = 4
/** printk's stamp has eight digits at most before its point. */
const longestUptime = 90_000_000

/**
 * Lines without their ends, without end: the recorded boot again and again, with its stamps running on and with other numbers
 * and addresses in it each time.
 */
function* kernelLines(): Generator<string> {
  const boot = recorded.map((line) => {
    const found = stamped.exec(line)
    return found ? { seconds: Number(found[1]), message: found[2]! } : { seconds: 0, message: line }
  })
  for (let round = 0; ; round++)
    for (const { seconds, message } of boot) {
      const uptime = ((round * bootSeconds + seconds) % longestUptime).toFixed(6).padStart(12)
      yield `[${uptime}] ${round === 0 ? message : varied(message, round)}`
    }
}

/** Digits of long numbers and addresses move on by the round; what a driver or a unit is called stays. */
function varied(message: string, round: number): string {
  return message.replace(/(?<=\b(?:0x)?[\da-f]{3,})\d/g, (digit) => String((Number(digit) + round) % 10))
}

/** At least `bytes` bytes of kernel log, as a serial port sends it. `plant` may put another line in place of a line. */
export function kernelLog(
  bytes: number,
  plant: (index: number) => string | undefined = () => undefined,
): { text: Buffer; lines: number } {
  const pieces: string[] = []
  let length = 0
  for (const line of kernelLines()) {
    const piece = `${plant(pieces.length) ?? line}\r\n`
    pieces.push(piece)
    length += piece.length
    if (length >= bytes) break
  }
  return { text: Buffer.from(pieces.join(''), 'latin1'), lines: pieces.length }
}
