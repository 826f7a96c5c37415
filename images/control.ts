/** Debian control data, as `apt-cache show` prints it (deb822(5), Debian Policy 5). */

/** One package of an archive. */
export type Deb = {
  name: string
  version: string
  arch: string
  section: string
  /** Size of the .deb file in bytes. */
  size: number
  sha256: string
  /** Names of packages in Depends and Pre-Depends, alternatives included, without their versions. */
  depends: string[]
}

/** Packages in the order of the text; those without a file to download (virtual ones) are left out. */
export function parsePackages(text: string): Deb[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stanza)?.[1]?.trim() ?? ''
    const sha256 = field('SHA256')
    if (!/^[0-9a-f]{64}$/.test(sha256)) return []
    const depends = `${field('Pre-Depends')}, ${field('Depends')}`.split(/[,|]/)
    return [
      {
        name: field('Package'),
        version: field('Version'),
        arch: field('Architecture'),
        section: field('Section'),
        size: Number(field('Size')),
        sha256,
        depends: depends.map((one) => /^[^\s(:]+/.exec(one.trim())?.[0] ?? '').filter((one) => one !== ''),
      },
    ]
  })
}
