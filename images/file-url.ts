/** How a user writes where a file lies on the network: its URL, and its checksum at the end of it. */

export type FileUrl = {
  /** Without its checksum. */
  url: URL
  /** Hexadecimal, in small letters. */
  sha256: string
  /** For people: without a query, which may hold a token. */
  shown: string
}

/** Whether it is written as a URL, right or wrong, and so is no path. */
export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}

/** What is wrong with `https://HOST/FILE#sha256=…`; undefined where nothing is. */
export function urlMistake(text: string): string | undefined {
  const parsed = parseFileUrl(text)
  return typeof parsed === 'string' ? parsed : undefined
}

/** The parts of `https://HOST/FILE#sha256=…`, or what is wrong with it. */
export function parseFileUrl(text: string): FileUrl | string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'is no http or https URL'
  if (url.username !== '' || url.password !== '')
    return 'holds a user or password, which would end up in logs and reports'
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase()
  if (sha256 === undefined) {
    const end = url.hash === '' ? '' : `; it ends with ${url.hash}`
    return `needs the checksum of its file at its end: #sha256= and 64 hexadecimal digits, as sha256sum FILE prints them${end}`
  }
  url.hash = ''
  return { url, sha256, shown: `${url.origin}${url.pathname}` }
}
