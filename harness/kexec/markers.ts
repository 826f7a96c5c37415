/** The console lines that mark the borders of a handover: markers.yaml, and what a descriptor adds. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseYamlFile } from '../yaml.ts'

const pattern = z.string().min(1).max(500)
const perArchitecture = z.record(z.string(), z.array(pattern))
const markersSchema = z
  .strictObject({
    lastOldLine: perArchitecture,
    firstNewLine: perArchitecture,
    init: perArchitecture,
    panic: perArchitecture,
    firmware: perArchitecture,
  })
  .meta({ title: 'markers' })

/** Tests of one line, for one board. */
export type Markers = Record<keyof z.infer<typeof markersSchema>, RegExp>

export type ExtraMarkers = { lastOldLine: string[]; firstNewLine: string[]; firmware: string[] }

const file = fileURLToPath(new URL('markers.yaml', import.meta.url))

/** The markers of an architecture, with those that a board's descriptor adds. */
export async function loadMarkers(arch: string, extra: ExtraMarkers): Promise<Markers> {
  const data = await parseYamlFile(file, markersSchema)
  const join = (kind: keyof Markers, more: string[] = []) => {
    const sources = [...(data[kind].any ?? []), ...(data[kind][arch] ?? []), ...more]
    // Never matches where an architecture has no marker: its handover is then found by the new kernel's lines alone.
    return sources.length === 0 ? /$^/ : new RegExp(sources.map((source) => `(?:${source})`).join('|'))
  }
  return {
    lastOldLine: join('lastOldLine', extra.lastOldLine),
    firstNewLine: join('firstNewLine', extra.firstNewLine),
    init: join('init'),
    panic: join('panic'),
    firmware: join('firmware', extra.firmware),
  }
}
