/** A simulated kexecboot for tests: it draws and reacts as src/tui.c and src/kexecboot.c of 0.6 do. */
import type { Connect } from '../console/transport.ts'
import { debugInfo, systemMenu } from './kexecboot-menu.ts'

export type SimulatedKexecboot = {
  connect: Connect
  sendKey(name: string): Promise<void>
  /** Labels that it booted, in order. */
  booted: string[]
}

const systemItems = ['Back', 'Rescan', debugInfo, 'Reboot', 'Shutdown', 'Exit']
const device = '/dev/vda1 ext4 77Mb'.padStart(40)

export function simulatedKexecboot(labels: readonly string[]): SimulatedKexecboot {
  const booted: string[] = []
  let say: (text: string) => void = () => {}
  let level: 'main' | 'system' | 'debug' = 'main'
  const cursor = { main: 0, system: 0 }
  const items = () => (level === 'main' ? [systemMenu, ...labels] : systemItems)

  const fill = () =>
    say(`Populating menu: ${labels.length} item(s)\n${labels.map((label) => `+ [${label}]\n`).join('')}`)
  const draw = () => {
    say('\x1b[2J\x1b[1;1H\x1b[40;37m\x1b[2K\n KEXECBOOT\x1b[K\n\x1b[2K\n')
    if (level === 'debug') return say(' kexecboot 0.6 starting\n Kernel cmdline: console=ttyS0\n')
    for (const [index, label] of items().entries()) {
      const rows = [label.padEnd(40), labels.includes(label) ? device : ' '.repeat(40)]
      const isSelected = index === cursor[level === 'main' ? 'main' : 'system']
      for (const row of rows) say(isSelected ? ` \x1b[7m ${row} \x1b[27m\x1b[K\n` : `  ${row}\x1b[K\n`)
    }
  }
  const select = () => {
    if (level === 'debug') level = 'system'
    else if (level === 'main' && cursor.main === 0) level = 'system'
    else if (level === 'main') {
      booted.push(labels[cursor.main - 1]!)
      return say('kernel: 0x7f9a9e86f010 kernel_size: 0xd877c0\n')
    } else if (systemItems[cursor.system] === debugInfo) level = 'debug'
    else if (cursor.system === 0) level = 'main'
    else throw new Error(`the simulated kexecboot has no ${systemItems[cursor.system]}`)
    draw()
  }
  const move = (step: number) => {
    if (level !== 'debug') cursor[level] = (cursor[level] + step + items().length) % items().length
    draw()
  }
  return {
    booted,
    connect: async (sink) => {
      say = (text) => sink.bytes(Buffer.from(text.replaceAll('\n', '\r\n')), process.hrtime.bigint())
      say('kexecboot 0.6 starting\nKernel cmdline: console=ttyS0\n')
      fill()
      draw()
      return { write: async () => {}, close: async () => {} }
    },
    sendKey: async (name) => {
      if (name === 'ret') select()
      else if (name === 's') {
        fill()
        draw()
      } else move(name === 'up' ? -1 : 1)
    },
  }
}
