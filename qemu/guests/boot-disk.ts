/** SeaBIOS does not boot from a disk of a single sector. */
const diskBytes = 1024 * 1024

/** A raw disk whose boot sector is this machine code (base64, 510 bytes at most). */
export function bootDisk(code: string): Buffer {
  const disk = Buffer.alloc(diskBytes)
  Buffer.from(code, 'base64').copy(disk)
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
