/** `npm run doctor`: what is there, what is missing, and what would be done about it. */
import { access, constants, statfs } from 'node:fs/promises'
import { defaultCacheFolder } from '../../images/cache.ts'
import { describePrograms, type HostProgram } from '../../images/host-packages.ts'
import { describeImage } from '../../images/image.ts'
import { recipeNames } from '../../images/recipe.ts'
import { loadDescriptor } from '../board/descriptor.ts'
import { exitStatus } from '../errors.ts'
import { boardsDir, root } from './paths.ts'
import { qemuPrograms } from './prepare-qemu.ts'
import { defaultBoards } from './start.ts'

/** `later`: only some boards want it, and it comes when one of them is used. */
type Check = { what: string; state: 'ok' | 'missing' | 'later' | 'broken'; detail: string }

/** Programs that the set-up cannot bring by itself: they come with every Debian-like system. */
const systemPrograms: HostProgram[] = [
  { program: 'setpriv', packages: ['util-linux'] },
  { program: 'apt-get', packages: ['apt'] },
  { program: 'dpkg-deb', packages: ['dpkg'] },
]
const roomBytes = 2 * 1024 ** 3

/** Prints one line a part. Returns the exit status: 3 where a part is broken and the set-up can't mend it. */
export async function doctor(signal: AbortSignal): Promise<number> {
  const checks = [
    nodeCheck(),
    ...(await programChecks()),
    ...(await imageChecks()),
    await kvmCheck(),
    ...(await roomChecks()),
  ]
  signal.throwIfAborted()
  const width = Math.max(...checks.map(({ what }) => what.length))
  for (const { what, state, detail } of checks)
    console.log(`${state.padEnd(7)}  ${what.padEnd(width)}  ${detail}`)
  const broken = checks.filter(({ state }) => state === 'broken').length
  const missing = checks.filter(({ state }) => state === 'missing').length
  console.log(
    broken > 0
      ? `\n${broken} to mend by hand, see above`
      : missing > 0
        ? `\n${missing} missing: npm start and npm test set them up by themselves`
        : '\nall there',
  )
  return broken > 0 ? exitStatus.lab : exitStatus.passed
}

function nodeCheck(): Check {
  return { what: 'node', state: 'ok', detail: `${process.version}, ${process.execPath}` }
}

async function programChecks(): Promise<Check[]> {
  const own = await describePrograms(Object.values(qemuPrograms))
  const system = await describePrograms(systemPrograms)
  return [
    ...own.map(
      ({ program, path, plan }): Check => ({
        what: program,
        state: path === null ? 'missing' : 'ok',
        detail: path ?? plan ?? '',
      }),
    ),
    ...system.map(
      ({ program, path, packages }): Check => ({
        what: program,
        state: path === null ? 'broken' : 'ok',
        detail: path ?? `install the package ${packages.join(' ')} of your system`,
      }),
    ),
  ]
}

async function imageChecks(): Promise<Check[]> {
  const descriptors = await Promise.all(defaultBoards.map((name) => loadDescriptor(name, boardsDir)))
  const wanted = descriptors.map(({ image }) => image.recipe)
  const checks = (await recipeNames()).map(async (name): Promise<Check> => {
    const image = await describeImage(name)
    const what = `image ${name}`
    if (image) return { what, state: 'ok', detail: `Linux ${image.kernelRelease ?? 'unknown'}` }
    return wanted.includes(name)
      ? { what, state: 'missing', detail: 'would be downloaded with apt and built, about 60 MB' }
      : { what, state: 'later', detail: 'is downloaded and built when a board uses it' }
  })
  return await Promise.all(checks)
}

async function kvmCheck(): Promise<Check> {
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  return {
    what: 'kvm',
    state: 'ok',
    detail: usable
      ? '/dev/kvm is there; a probe guest decides at the first run'
      : 'not there: boards run under TCG',
  }
}

async function roomChecks(): Promise<Check[]> {
  return await Promise.all(
    [
      { what: 'room for the cache', folder: defaultCacheFolder() },
      { what: 'room for results', folder: root },
    ].map(async ({ what, folder }): Promise<Check> => {
      const space = await statfs(folder).catch(() => statfs('/'))
      const free = space.bavail * space.bsize
      const gib = `${(free / 1024 ** 3).toFixed(1)} GiB free for ${folder}`
      return free >= roomBytes
        ? { what, state: 'ok', detail: gib }
        : { what, state: 'broken', detail: `${gib}: free some, 2 GiB are needed` }
    }),
  )
}
