/** What drawings of petitboot's menu agree on: each that comes over a bad line is damaged, in another place each time. */
import { type Drawing, type Item, itemsFrom, type MainMenu } from './petitboot-screen.ts'

/** The menu that they agree on; undefined where they don't yet. */
export function agreedMenu(drawings: readonly Drawing[]): MainMenu | undefined {
  const length = longest(drawings)
  const room = mostOften(drawings.flatMap((drawing) => drawing.room ?? []))
  const selected = agreedLine(drawings)
  const lines = length === undefined ? undefined : agreedLines(drawings, length)
  if (lines === undefined || room === undefined || selected === undefined) return undefined
  const same = (items: readonly Item[]) => items.every(({ text }, index) => wordsOf(text) === lines[index])
  const inOrder = drawings.find(({ menu }) => menu?.items.length === length && same(menu!.items))?.menu
  const cursors = lines.flatMap((text, index) => (text === wordsOf(selected) ? [index] : []))
  return {
    items: inOrder?.items ?? itemsFrom(lines),
    // Two lines may read the same.
    cursor: cursors.length === 1 ? cursors[0]! : (inOrder?.cursor ?? null),
    whole: lines.length < room && lines.slice(0, -1).includes(''),
    status: drawings.at(-1)!.status,
  }
}

/** The line with the cursor: two drawings of it are alike, and more than of any other. */
export function agreedLine(drawings: readonly Drawing[]): string | undefined {
  return mostOften(drawings.flatMap(({ selected }) => selected ?? []))
}

/** How long two drawings are, and none of the others is longer: what is lost puts a line into the one above it. */
function longest(drawings: readonly Drawing[]): number | undefined {
  const lengths = drawings.map(({ lines }) => lines.length).toSorted((one, other) => other - one)
  return lengths.find((length, index) => lengths[index + 1] === length)
}

/**
 * So many lines in their order, each of which is in two drawings at least, and in more than any that is left out: what
 * is damaged is so in its own way.
 */
function agreedLines(drawings: readonly Drawing[], length: number): string[] | undefined {
  const shown = drawings.map(({ lines }) => positionsOf(lines))
  const counts = Map.groupBy(
    shown.flatMap((positions) => [...positions.keys()]),
    (key) => key,
  )
  const most = [...counts].toSorted(([, one], [, other]) => other.length - one.length)
  const least = most[length - 1]?.[1].length ?? 0
  if (least <= Math.max(1, most[length]?.[1].length ?? 0)) return undefined
  const comesAfter = (one: string, other: string) => {
    const both = shown.filter((positions) => positions.has(one) && positions.has(other))
    return both.reduce((sum, positions) => sum + Math.sign(positions.get(one)! - positions.get(other)!), 0)
  }
  const agreed = most.slice(0, length).map(([key]) => key)
  return agreed.toSorted(comesAfter).map((key) => key.slice(key.indexOf(' ') + 1))
}

/** What a device is called is long, and tells nothing: there it is enough that it is one. */
function wordsOf(line: string): string {
  return line.startsWith('[') ? '[' : line
}

/** Where each line stands; one that is there twice has a number for each time. */
function positionsOf(lines: readonly string[]): Map<string, number> {
  const times = new Map<string, number>()
  return new Map(
    lines.map(wordsOf).map((line, index) => {
      const time = (times.get(line) ?? 0) + 1
      times.set(line, time)
      return [`${time} ${line}`, index]
    }),
  )
}

/** What is there at least twice, and more often than anything else. */
function mostOften<T>(values: readonly T[]): T | undefined {
  const counts = Map.groupBy(values, (value) => value)
  const [first, second] = [...counts].toSorted(([, one], [, other]) => other.length - one.length)
  const isClear = first !== undefined && first[1].length > Math.max(1, second?.[1].length ?? 0)
  return isClear ? first[0] : undefined
}
