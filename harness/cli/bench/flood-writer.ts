/** Writes a kernel log of a given length to a console as fast as it is read. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { endWithParent, tellParent } from './child.ts'
import { kernelLog } from './kernel-log.ts'

const pieceBytes = 65_536
/** Made once and sent again and again. */
const storedBytes = 16_000_000

endWithParent()
const [path, bytes] = [process.argv[2]!, Number(process.argv[3])]
const { text } = kernelLog(storedBytes)
const socket = connect(path)
await once(socket, 'connect')
for (let sent = 0; sent < bytes; ) {
  const from = sent % text.length
  const piece = text.subarray(from, from + Math.min(pieceBytes, bytes - sent))
  sent += piece.length
  if (!socket.write(piece)) await once(socket, 'drain')
}
socket.end()
await once(socket, 'close')
await tellParent({ sent: bytes })
