/** The signature of a kernel that firmware or a locked-down kernel checks: Authenticode, at the end of a PE file. */

/** The certificate table among the data directories; PE format, "Optional Header Data Directories". */
const certificateTable = 4
/** Offset of the data directories in the optional header, by its magic number: PE32 and PE32+. */
const directoriesAt: Record<number, number> = { 267: 96, 523: 112 }

type Table = {
  /** Where the header says where the signature is. */
  entryAt: number
  /** Offset in the file; 0 where there is none. */
  start: number
  bytes: number
}

/** The certificate table of a PE file; undefined for anything else, such as a kernel without an EFI stub. */
function findTable(file: Buffer): Table | undefined {
  if (file.length < 0x40 || file.toString('latin1', 0, 2) !== 'MZ') return undefined
  const header = file.readUInt32LE(0x3c)
  if (header + 0x200 > file.length || file.toString('latin1', header, header + 4) !== 'PE\0\0')
    return undefined
  const optional = header + 24
  const directories = directoriesAt[file.readUInt16LE(optional)]
  if (directories === undefined) return undefined
  const count = file.readUInt32LE(optional + directories - 4)
  if (count <= certificateTable) return undefined
  const entryAt = optional + directories + certificateTable * 8
  return { entryAt, start: file.readUInt32LE(entryAt), bytes: file.readUInt32LE(entryAt + 4) }
}

/** Whether a kernel carries a signature, valid or not. */
export function isSigned(file: Buffer): boolean {
  return (findTable(file)?.start ?? 0) !== 0
}

/** The same kernel without its signature, as `sbattach --remove` makes it. One that has none stays as it is. */
export function withoutSignature(file: Buffer): Buffer {
  const table = findTable(file)
  if (!table || table.start === 0) return file
  // The signature is the last part of the file; what a broken header says of it is not followed beyond the end.
  const end = Math.min(table.start, file.length)
  const stripped = Buffer.concat([file.subarray(0, end), file.subarray(end + table.bytes)])
  stripped.fill(0, table.entryAt, table.entryAt + 8)
  return stripped
}

/** The object identifier of a common name, 2.5.4.3, in DER; what follows it is a string's tag and length. */
const commonName = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03])

/** The common names in a kernel's signature: who signed it, and who vouches for that one. Empty where there is none. */
export function signatureNames(file: Buffer): string[] {
  const table = findTable(file)
  if (!table || table.start === 0) return []
  const signature = file.subarray(table.start, table.start + table.bytes)
  const names = new Set<string>()
  for (let at = signature.indexOf(commonName); at !== -1; at = signature.indexOf(commonName, at + 1)) {
    const text = at + commonName.length + 2
    names.add(signature.toString('utf8', text, text + (signature[text - 1] ?? 0)))
  }
  return [...names]
}

/** How an X.509 certificate begins in DER: two sequences with lengths of two bytes, then its version, which is 3. */
const certificateStart = [0x30, 0x82, -1, -1, 0x30, 0x82, -1, -1, 0xa0, 0x03, 0x02, 0x01, 0x02]

/** The certificate, in DER, that a kernel was signed with; undefined where its signature brings none along. */
export function signingCertificate(file: Buffer): Buffer | undefined {
  const table = findTable(file)
  if (!table || table.start === 0) return undefined
  const signature = file.subarray(table.start, table.start + table.bytes)
  for (let at = signature.indexOf(0x30); at !== -1; at = signature.indexOf(0x30, at + 1))
    if (certificateStart.every((byte, index) => byte === -1 || signature[at + index] === byte))
      return signature.subarray(at, at + 4 + signature.readUInt16BE(at + 2))
  return undefined
}
