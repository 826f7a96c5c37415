/** Which of two versions of a Debian package is the newer one: deb-version(7), "Sorting algorithm". */

type Version = { epoch: number; upstream: string; revision: string }

/** Below zero where the left one is older, above zero where it is newer, 0 where dpkg takes them for the same. */
export function compareDebianVersions(left: string, right: string): number {
  const [older, newer] = [parse(left), parse(right)]
  return (
    older.epoch - newer.epoch ||
    comparePart(older.upstream, newer.upstream) ||
    comparePart(older.revision, newer.revision)
  )
}

function parse(version: string): Version {
  const [, epoch = '0', rest = version] = /^(\d+):(.*)$/.exec(version) ?? []
  const dash = rest.lastIndexOf('-')
  return dash === -1
    ? { epoch: Number(epoch), upstream: rest, revision: '' }
    : { epoch: Number(epoch), upstream: rest.slice(0, dash), revision: rest.slice(dash + 1) }
}

/** By turns what are no digits, and numbers. */
function comparePart(left: string, right: string): number {
  const [ours, theirs] = [runs(left), runs(right)]
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    const { text = '', value = 0 } = ours[index] ?? {}
    const { text: otherText = '', value: otherValue = 0 } = theirs[index] ?? {}
    const order = compareText(text, otherText) || value - otherValue
    if (order !== 0) return order
  }
  return 0
}

function runs(part: string): { text: string; value: number }[] {
  return [...part.matchAll(/(\D*)(\d*)/g)].map(([, text = '', digits]) => ({ text, value: Number(digits) }))
}

function compareText(left: string, right: string): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = weight(left[index]) - weight(right[index])
    if (order !== 0) return order
  }
  return 0
}

/** A tilde comes before the end, letters before all others. */
function weight(character: string | undefined): number {
  if (character === undefined) return 0
  if (character === '~') return -1
  const code = character.charCodeAt(0)
  return /[A-Za-z]/.test(character) ? code : code + 256
}
