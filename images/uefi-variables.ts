/** The store of UEFI variables that EDK II keeps in flash: with a certificate in `db`, which kernels take keys from. */
import { randomBytes } from 'node:crypto'
import { UsageError } from '../harness/errors.ts'

/** EDK II, MdeModulePkg/Include/Guid/VariableFormat.h and SecurityPkg's AuthenticatedVariableFormat.h. */
const authenticatedStore = guid('aaf32c78-947b-439a-a180-2e144ec37792')
const storeHeaderBytes = 28
const variableStart = 0x55aa
const variableHeaderBytes = 60
const variableAdded = 0x3f
/** Non-volatile, for boot services and the kernel, authenticated by time: UEFI, "Variable Services". */
const attributes = 0x27
/** Length of the firmware volume's header, EFI_FIRMWARE_VOLUME_HEADER: the store follows it. */
const volumeHeaderBytesAt = 48
/** UEFI, "Signature Database": EFI_IMAGE_SECURITY_DATABASE_GUID, EFI_CERT_X509_GUID. */
const databaseVendor = guid('d719b2cb-3d3a-4596-a3bc-dad00e67656f')
const certificateType = guid('a5c059a1-94e4-4aa7-87b5-ab155c2bf072')

/**
 * A copy of an empty store with a certificate (DER) in `db`. There is no platform key, so that Secure Boot stays off: the
 * firmware starts anything, and a kernel that it starts trusts the certificate (security/integrity/platform_certs/load_uefi.c).
 * Throws UsageError for a file that is no such store, or that has variables.
 */
export function withCertificate(template: Buffer, certificate: Buffer): Buffer {
  const store = template.length < 64 ? 0 : template.readUInt16LE(volumeHeaderBytesAt)
  if (!template.subarray(store, store + 16).equals(authenticatedStore))
    throw new UsageError('the file is no store of UEFI variables')
  const at = (store + storeHeaderBytes + 3) & ~3
  if (template.readUInt16LE(at) !== 0xffff) throw new UsageError('the store of UEFI variables is not empty')
  const variable = databaseVariable(certificate)
  const changed = Buffer.from(template)
  variable.copy(changed, at)
  return changed
}

function databaseVariable(certificate: Buffer): Buffer {
  const name = Buffer.from('db\0', 'utf16le')
  const value = signatureList(certificate)
  const header = Buffer.alloc(variableHeaderBytes)
  header.writeUInt16LE(variableStart, 0)
  header[2] = variableAdded
  header.writeUInt32LE(attributes, 4)
  // A time stamp, EFI_TIME: the first of January 2026.
  header.writeUInt16LE(2026, 16)
  header.set([1, 1], 18)
  header.writeUInt32LE(name.length, 36)
  header.writeUInt32LE(value.length, 40)
  databaseVendor.copy(header, 44)
  return Buffer.concat([header, name, value])
}

/** EFI_SIGNATURE_LIST with one signature, whose owner is anybody. */
function signatureList(certificate: Buffer): Buffer {
  const sizes = Buffer.alloc(12)
  const signatureBytes = 16 + certificate.length
  sizes.writeUInt32LE(28 + signatureBytes, 0)
  sizes.writeUInt32LE(signatureBytes, 8)
  return Buffer.concat([certificateType, sizes, randomBytes(16), certificate])
}

/** A GUID as UEFI stores it: its first three parts little-endian. */
function guid(text: string): Buffer {
  const [a, b, c, ...rest] = text.split('-')
  const reversed = [a, b, c].map((part) => Buffer.from(part!, 'hex').reverse())
  return Buffer.concat([...reversed, Buffer.from(rest.join(''), 'hex')])
}
