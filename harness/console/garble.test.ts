import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { GarbleWatch } from './garble.ts'

const recordings = new URL('../detect/fixtures/', import.meta.url)
const recorded = (name: string) => gunzipSync(readFileSync(new URL(name, recordings)))

/** The line that a UART sends at 8N1: for each byte a start bit, eight data bits, a stop bit. */
function lineBits(bytes: Buffer): Uint8Array {
  const bits = new Uint8Array(10 * bytes.length)
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) bits[10 * index + 1 + bit] = (byte >> bit) & 1
    bits[10 * index + 9] = 1
  })
  return bits
}

/**
 * What a UART at another speed makes of that line: it samples the middle of each of its own bits from the falling edge
 * on. A byte whose stop bit is low is a framing error, which arrives as NUL, as Linux has it without IGNPAR and PARMRK,
 * or as the byte that was sampled, as some console servers have it.
 */
function resample(line: Uint8Array, lineBaud: number, baud: number, framingErrors: 'nul' | 'byte'): Buffer {
  const step = lineBaud / baud
  const at = (time: number) => line[Math.floor(time)] ?? 1
  const out: number[] = []
  for (let time = 0; time < line.length; ) {
    if (at(time) === 1) {
      time = Math.floor(time) + 1
      continue
    }
    let byte = 0
    for (let bit = 0; bit < 8; bit++) byte |= at(time + step * (1.5 + bit)) << bit
    time += step * 9.5
    out.push(at(time) === 1 || framingErrors === 'byte' ? byte : 0)
    while (time < line.length && at(time) === 0) time = Math.floor(time) + 1
  }
  return Buffer.from(out)
}

/** Shares of the time during which there was trouble, looked at after each few bytes once enough have come. */
function troubleShare(watch: GarbleWatch, bytes: Buffer): number {
  let troubled = 0
  let looks = 0
  for (let start = 0; start < bytes.length; start += 16) {
    watch.push(bytes.subarray(start, start + 16))
    if (start < 128) continue
    looks++
    if (watch.trouble) troubled++
  }
  return looks === 0 ? 0 : troubled / looks
}

const log = recorded('healthy-x86_64-systemd.txt.gz').subarray(0, 30_000)

for (const [lineBaud, baud] of [
  [115_200, 9600],
  [115_200, 19_200],
  [115_200, 38_400],
  [115_200, 57_600],
  [115_200, 230_400],
  [9600, 115_200],
  [57_600, 115_200],
  [1_500_000, 115_200],
] as const)
  test(`a kernel log sent at ${lineBaud} baud and read at ${baud} is garble`, (t) => {
    for (const framingErrors of ['nul', 'byte'] as const) {
      const watch = new GarbleWatch(baud)
      t.is(troubleShare(watch, resample(lineBits(log), lineBaud, baud, framingErrors)), 1, framingErrors)
      t.regex(
        watch.trouble!,
        new RegExp(
          `^what arrives is no text \\(\\d+ % of the last 512 bytes\\): wrong baud rate\\? the descriptor says ${baud}$`,
        ),
      )
    }
  })

test('the same log read at its own speed is none, nor is any recorded console', (t) => {
  t.deepEqual(resample(lineBits(log), 115_200, 115_200, 'nul'), log)
  const names = ['healthy', 'failures'].flatMap((folder) =>
    readdirSync(new URL(folder, recordings)).map((name) => `${folder}/${name}`),
  )
  const consoles = names.filter((name) => name.endsWith('.gz'))
  t.true(consoles.length > 10)
  for (const name of consoles) t.is(troubleShare(new GarbleWatch(), recorded(name)), 0, name)
})

test('a boot menu, text of other scripts and drawings on a terminal are text', (t) => {
  const menu = Buffer.from(
    '  *** U-Boot Boot Menu ***\x1b[7m\r\n     main  \x1b[0m\r\n\x1b[3;1HPress UP/DOWN\r\n'.repeat(20),
  )
  t.is(troubleShare(new GarbleWatch(), menu), 0)
  const other = Buffer.from('Größe: 5 µs ✔ 起動中 загрузка 🚀\n'.repeat(40))
  t.is(troubleShare(new GarbleWatch(), other), 0)
  // A firmware's set-up screen in code page 437.
  const box = Buffer.from(
    `\x1b[2;3H\xc9${'\xcd'.repeat(20)}\xbb\x1b[3;3H\xba Main \xb3\xb2\xb1\xb0\x1b[3;24H\xba`.repeat(20),
    'latin1',
  )
  t.is(troubleShare(new GarbleWatch(), box), 0)
})

test('a board that was garbled comes clean again, and noise at power-on is not told', (t) => {
  const watch = new GarbleWatch()
  watch.push(Buffer.alloc(100, 0xff))
  t.is(watch.trouble, undefined)
  watch.push(Buffer.alloc(500, 0))
  t.regex(watch.trouble!, /^what arrives is no text \(100 % of the last 512 bytes\): wrong baud rate\?$/)
  watch.push(log.subarray(0, 512))
  t.is(watch.trouble, undefined)
})

test('lost input is told for a while', (t) => {
  const watch = new GarbleWatch()
  watch.line('[   12.3] ttyS0: 1 input overrun(s)')
  t.regex(watch.trouble!, /^the board lost input \("ttyS0: 1 input overrun\(s\)"\)/)
  for (let count = 0; count < 200; count++) watch.line('# echo')
  t.is(watch.trouble, undefined)
  watch.line('serial8250: too much work for irq4')
  t.regex(watch.trouble!, /too much work for irq4/)
})
