/**
 * The few Ethernet frames with which the harness asks a guest whether its network is up, and what of its answers matters.
 *
 * Written here, since npm has nothing kept for it: `ip-packet` encodes an IPv4 header and nothing above it, the others
 * that are found there bind libpcap. Formats: RFC 826 (ARP), 791 (IPv4), 792 (ICMP), 9293 (TCP).
 */

/** One end of a conversation. */
export type Station = { mac: Buffer; ip: Buffer }

/** What a frame of the guest's says; the guest may be broken, or worse. */
export type Heard =
  | { type: 'arp'; operation: 'request' | 'reply'; sender: Station; target: Buffer }
  | { type: 'echo-reply'; from: Buffer; to: Buffer; id: number; sequence: number }
  | { type: 'tcp'; from: Buffer; to: Buffer; segment: TcpSegment }

export type TcpSegment = {
  sourcePort: number
  destinationPort: number
  sequence: number
  acknowledgement: number
  flags: number
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, ack: 16 } as const

const broadcast = Buffer.alloc(6, 0xff)
const etherTypes = { ipv4: 0x0800, arp: 0x0806 } as const
const protocols = { icmp: 1, tcp: 6 } as const
const etherBytes = 14
const arpBytes = 28
const ipBytes = 20
const icmpBytes = 8
const tcpBytes = 20
/** The least that Ethernet carries, without its checksum; shorter ones are filled up. */
const shortestFrame = 60

/** Asks everybody on the wire who has an address. */
export function arpRequest(from: Station, about: Buffer): Buffer {
  return arp(1, from, { mac: Buffer.alloc(6), ip: about }, broadcast)
}

export function arpReply(from: Station, to: Station): Buffer {
  return arp(2, from, to, to.mac)
}

function arp(operation: 1 | 2, from: Station, to: Station, destination: Buffer): Buffer {
  // Ethernet and IPv4 addresses, of 6 and 4 bytes.
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation])
  return ethernet(
    destination,
    from.mac,
    etherTypes.arp,
    Buffer.concat([head, from.mac, from.ip, to.mac, to.ip]),
  )
}

export function echoRequest(from: Station, to: Station, id: number, sequence: number): Buffer {
  const message = Buffer.alloc(icmpBytes)
  message.writeUInt8(8)
  message.writeUInt16BE(id, 4)
  message.writeUInt16BE(sequence, 6)
  message.writeUInt16BE(checksum(message), 2)
  return ipv4(from, to, protocols.icmp, message)
}

/** A segment without data: a SYN, or what ends a connection. */
export function tcp(from: Station, to: Station, segment: TcpSegment): Buffer {
  const bytes = Buffer.alloc(tcpBytes)
  bytes.writeUInt16BE(segment.sourcePort)
  bytes.writeUInt16BE(segment.destinationPort, 2)
  bytes.writeUInt32BE(segment.sequence, 4)
  bytes.writeUInt32BE(segment.acknowledgement, 8)
  // Its own length, in words of 32 bits.
  bytes.writeUInt8((tcpBytes / 4) << 4, 12)
  bytes.writeUInt8(segment.flags, 13)
  bytes.writeUInt16BE(1024, 14)
  const pseudoHeader = Buffer.concat([from.ip, to.ip, Buffer.from([0, protocols.tcp, 0, tcpBytes])])
  bytes.writeUInt16BE(checksum(Buffer.concat([pseudoHeader, bytes])), 16)
  return ipv4(from, to, protocols.tcp, bytes)
}

function ipv4(from: Station, to: Station, protocol: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(ipBytes)
  header.writeUInt8(0x45)
  header.writeUInt16BE(ipBytes + payload.length, 2)
  // Not to be fragmented; lives for 64 hops.
  header.writeUInt16BE(0x4000, 6)
  header.writeUInt8(64, 8)
  header.writeUInt8(protocol, 9)
  from.ip.copy(header, 12)
  to.ip.copy(header, 16)
  header.writeUInt16BE(checksum(header), 10)
  return ethernet(to.mac, from.mac, etherTypes.ipv4, Buffer.concat([header, payload]))
}

function ethernet(to: Buffer, from: Buffer, type: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(Math.max(shortestFrame, etherBytes + payload.length))
  to.copy(frame)
  from.copy(frame, 6)
  frame.writeUInt16BE(type, 12)
  payload.copy(frame, etherBytes)
  return frame
}

/** The internet checksum (RFC 1071). */
export function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes[at]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** What a frame says, if it is one of those that matter here. Addresses are copies: they outlive the frame's buffer. */
export function hear(frame: Buffer): Heard | undefined {
  if (frame.length < etherBytes) return undefined
  const payload = frame.subarray(etherBytes)
  const type = frame.readUInt16BE(12)
  if (type === etherTypes.arp) return hearArp(payload)
  return type === etherTypes.ipv4 ? hearIpv4(payload) : undefined
}

const arpHead = Buffer.from([0, 1, 8, 0, 6, 4])

function hearArp(packet: Buffer): Heard | undefined {
  if (packet.length < arpBytes || !packet.subarray(0, 6).equals(arpHead)) return undefined
  const operation = ([undefined, 'request', 'reply'] as const)[packet.readUInt16BE(6)]
  if (operation === undefined) return undefined
  const sender = { mac: copy(packet, 8, 6), ip: copy(packet, 14, 4) }
  return { type: 'arp', operation, sender, target: copy(packet, 24, 4) }
}

function hearIpv4(packet: Buffer): Heard | undefined {
  if (packet.length < ipBytes || packet.readUInt8() >> 4 !== 4) return undefined
  const headerBytes = (packet.readUInt8() & 15) * 4
  const totalBytes = packet.readUInt16BE(2)
  // An answer fits into one packet: fragments are none.
  const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0
  if (headerBytes < ipBytes || totalBytes < headerBytes || totalBytes > packet.length || isFragment)
    return undefined
  const ends = { from: copy(packet, 12, 4), to: copy(packet, 16, 4) }
  const message = packet.subarray(headerBytes, totalBytes)
  const protocol = packet.readUInt8(9)
  if (protocol === protocols.icmp && message.length >= icmpBytes && message.readUInt16BE() === 0)
    return { type: 'echo-reply', ...ends, id: message.readUInt16BE(4), sequence: message.readUInt16BE(6) }
  if (protocol === protocols.tcp && message.length >= tcpBytes)
    return { type: 'tcp', ...ends, segment: segmentOf(message) }
  return undefined
}

function segmentOf(message: Buffer): TcpSegment {
  return {
    sourcePort: message.readUInt16BE(),
    destinationPort: message.readUInt16BE(2),
    sequence: message.readUInt32BE(4),
    acknowledgement: message.readUInt32BE(8),
    flags: message.readUInt8(13),
  }
}

function copy(bytes: Buffer, at: number, length: number): Buffer {
  return Buffer.from(bytes.subarray(at, at + length))
}
