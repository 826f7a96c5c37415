import test from 'ava'
import { type PingLine, parsePingLine } from './ping-output.ts'

/** Recorded from ping of iputils 20221126, except for what only a router or a broken host says. */
const recorded: [string, PingLine | undefined][] = [
  ['PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.', undefined],
  [
    '64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.038 ms',
    { type: 'answer', sequence: 1, roundTripMs: 0.038 },
  ],
  [
    '64 bytes from fe80::1%eth0: icmp_seq=7 ttl=64 time=12 ms',
    { type: 'answer', sequence: 7, roundTripMs: 12 },
  ],
  [
    '64 bytes from 192.0.2.7: icmp_seq=9 ttl=64 time=1234 ms (DUP!)',
    { type: 'answer', sequence: 9, roundTripMs: 1234 },
  ],
  ['no answer yet for icmp_seq=12', { type: 'none', sequence: 12 }],
  ['From 192.0.2.254 icmp_seq=3 Destination Host Unreachable', undefined],
  ['64 bytes from 192.0.2.7: icmp_seq=70000 ttl=64 time=1 ms', undefined],
  ['64 bytes from 192.0.2.7: icmp_seq=-1 ttl=64 time=1 ms', undefined],
  ['no answer yet for icmp_seq=999999999999999999999', undefined],
  ['rtt min/avg/max/mdev = 0.016/0.022/0.029/0.006 ms', undefined],
  ['', undefined],
]

for (const [line, meant] of recorded)
  test(`ping says ${JSON.stringify(line)}`, (t) => t.deepEqual(parsePingLine(line), meant))
