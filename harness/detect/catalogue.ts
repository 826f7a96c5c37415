/** Reads the catalogue of what a console says when a kexec goes wrong. */
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'
import { parseYamlFile } from '../yaml.ts'
import { catalogueSchema, type Signature } from './signature.ts'

/** The files of the catalogue. Of several signatures that match, the most severe counts, of equals the first. */
export const catalogueFiles = ['kexec.yaml', 'general.yaml'].map((name) =>
  fileURLToPath(new URL(`signatures/${name}`, import.meta.url)),
)

/**
 * Reads the project's catalogue and those of `extraFiles`.
 * Throws UsageError with file, line and column of each mistake, or for an id that is used twice.
 */
export async function loadCatalogue(extraFiles: readonly string[] = []): Promise<Signature[]> {
  const files = [...extraFiles, ...catalogueFiles]
  const signatures: Signature[] = []
  const fileOf = new Map<string, string>()
  for (const file of files) {
    const schema = catalogueSchema(!catalogueFiles.includes(file))
    for (const signature of (await parseYamlFile(file, schema)).signatures) {
      const other = fileOf.get(signature.id)
      if (other !== undefined) {
        const also = other === file ? 'twice' : `also in ${other}`
        throw new UsageError(`${file}: the signature id ${signature.id} is used ${also}; each needs its own`)
      }
      fileOf.set(signature.id, file)
      signatures.push(signature)
    }
  }
  return signatures
}
