/** labgrid's places, as `labgrid-client -v places` and `reservations` list them (labgrid/remote/common.py, show()). */

export type ListedPlace = {
  name: string
  aliases: string[]
  tags: Record<string, string>
  /** HOST/USER, null while nobody holds it. */
  acquired: string | null
  /** When it was last changed, local time as labgrid prints it, to the second. */
  changed: string | null
  /** Token of the reservation that it is kept for. */
  reservation: string | null
}

export type ListedReservation = {
  token: string
  owner: string
  state: string
  /** Places that it got. */
  places: string[]
}

export function parsePlaces(text: string): ListedPlace[] {
  return blocks(text, 'Place').map(({ name, value }) => {
    const acquired = value('acquired')
    const pairs = split(value('tags')).map((pair) => pair.split('=', 2) as [string, string])
    return {
      name,
      aliases: split(value('aliases')),
      tags: Object.fromEntries(pairs),
      acquired: acquired === undefined || acquired === 'None' ? null : acquired,
      changed: value('changed')?.replace(/\.\d+$/, '') ?? null,
      reservation: value('reservation') ?? null,
    }
  })
}

export function parseReservations(text: string): ListedReservation[] {
  return blocks(text, 'Reservation').map(({ name, body, value }) => ({
    token: name,
    owner: value('owner') ?? '',
    state: value('state') ?? '',
    places: split(/^ {2}allocations:\n {4}main: (.*)$/m.exec(body)?.[1]),
  }))
}

/** `Place 'juno-1':` and the indented lines below it. */
function blocks(text: string, kind: string) {
  const heads = [...text.matchAll(new RegExp(`^${kind} '(.+)':$`, 'gm'))]
  return heads.map((head, index) => {
    const body = text.slice(head.index + head[0].length, heads[index + 1]?.index)
    const value = (key: string) => new RegExp(`^ {2}${key}: (.+)$`, 'm').exec(body)?.[1]
    return { name: head[1]!, body, value }
  })
}

function split(list: string | undefined): string[] {
  return list === undefined ? [] : list.split(', ')
}

/** The place of that name, or the one that it is an alias of. */
export function placeNamed(places: readonly ListedPlace[], name: string): ListedPlace | undefined {
  return places.find((one) => one.name === name) ?? places.find(({ aliases }) => aliases.includes(name))
}

/** Places that have all the tags; `name` stands for the place's name, as it does for labgrid's own reservations. */
export function placesTagged(
  places: readonly ListedPlace[],
  tags: Readonly<Record<string, string>>,
): ListedPlace[] {
  return places.filter((place) =>
    Object.entries(tags).every(([key, value]) => ({ ...place.tags, name: place.name })[key] === value),
  )
}

/** The end of what the harness calls itself; see holderOf. */
const harnessSuffix = /\+kexec-harness-[0-9a-f]+$/

/** A user that only one acquisition has, so that nothing can release it by mistake for another one of the same user. */
export function holderOf(user: string, token: string): string {
  return `${user}+kexec-harness-${token}`
}

/** `juno-1 is taken by alice on rack1 since 2026-11-21 02:14:09` */
export function whoHas(place: ListedPlace, reservations: readonly ListedReservation[]): string {
  if (place.acquired !== null) {
    const since = place.changed === null ? '' : ` since ${place.changed}`
    return `${place.name} is taken by ${person(place.acquired)}${since}`
  }
  const reservation = reservations.find(({ token }) => token === place.reservation)
  if (reservation) return `${place.name} is reserved by ${person(reservation.owner)}`
  return `${place.name} is free`
}

/** `alice on rack1`, `a run of kexec-harness by alice on rack1` */
export function person(holder: string): string {
  const slash = holder.indexOf('/')
  const [host, user] = [holder.slice(0, slash), holder.slice(slash + 1)]
  if (slash === -1) return holder
  return harnessSuffix.test(user)
    ? `a run of kexec-harness by ${user.replace(harnessSuffix, '')} on ${host}`
    : `${user} on ${host}`
}
