/** Why a serial port could not be opened, and what to do about it. */
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { LabError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'

/** The error for a person, from what serialport's binding said (`snprintf`s of its src/serialport_unix.cpp). */
export async function whyNotOpened(
  config: { path: string; baud: number },
  cause: unknown,
): Promise<LabError> {
  const { path, baud } = config
  const said = cause instanceof Error ? cause.message : String(cause)
  if (/No such file|No such device|ENXIO|not a directory/i.test(said)) return await noSuchPort(path, cause)
  if (/Permission denied/i.test(said)) return await notPermitted(path, cause)
  if (/Cannot lock port|busy/i.test(said)) return await held(path, cause)
  if (/Inappropriate ioctl|Is a directory/i.test(said))
    return new LabError(`${path} is no serial port`, { hint: await portsThere(path), cause })
  if (/baud/i.test(said))
    return new LabError(`${path} can't be set to ${baud} baud: ${said}`, {
      hint: 'Look up the speeds that the adapter can do; most consoles run at 115200.',
      cause,
    })
  return new LabError(`${path} can't be opened: ${said.replace(/^Error:? /, '')}`, { cause })
}

async function noSuchPort(path: string, cause: unknown): Promise<LabError> {
  return new LabError(`there is no serial port ${path}`, { hint: await portsThere(path), cause })
}

async function portsThere(wanted: string): Promise<string> {
  const byId = await listed('/dev/serial/by-id')
  const plain = (await listed('/dev')).filter((port) => /\/tty(USB|ACM|AMA)\d+$/.test(port))
  const ports = byId.length > 0 ? byId : plain
  if (ports.length === 0) return 'No USB serial adapter is connected to this host: check cable and power.'
  const close = nearest(wanted, ports)
  const guess = close === undefined ? '' : `; did you mean ${close}?`
  return `Ports that are there: ${ports.join(', ')}${guess}`
}

async function notPermitted(path: string, cause: unknown): Promise<LabError> {
  const { gid, mode } = await stat(path)
  const { username } = userInfo()
  const group = await groupName(gid)
  const owns = `${path} can't be opened by ${username}: it belongs to the group ${group ?? `number ${gid}`}`
  if ((mode & 0o060) !== 0o060 || group === undefined || group === 'root')
    return new LabError(owns, {
      hint: `That group may not read and write it either; give it to one that may, as in: sudo chgrp dialout ${path} && sudo chmod g+rw ${path}`,
      cause,
    })
  return new LabError(owns, {
    hint: `Join the group, then log in again: sudo usermod -aG ${group} ${username}`,
    cause,
  })
}

async function groupName(gid: number): Promise<string | undefined> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '')
  return groups
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(gid))?.[0]
}

async function held(path: string, cause: unknown): Promise<LabError> {
  const holders = await holdersOf(path)
  const who = holders.length === 0 ? 'another program' : holders.join(', ')
  return new LabError(`${path} is held by ${who}`, {
    hint: `End it, or wait: a console can have only one reader. To see who it is: sudo fuser -v ${path}`,
    cause,
  })
}

/** Programs that have a file open, as far as this user may see them: `picocom (pid 4711)`. */
async function holdersOf(path: string): Promise<string[]> {
  const device = await realpath(path).catch(() => path)
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(async (pid) => ((await hasOpen(pid, device)) ? pid : undefined)))
  const names = found
    .filter((pid) => pid !== undefined)
    .map(async (pid) => {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')
      return pid === String(process.pid) ? 'this run itself' : `${name.trim()} (pid ${pid})`
    })
  return await Promise.all(names)
}

async function hasOpen(pid: string, device: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  const fds = await readdir(folder).catch(() => [])
  const files = await Promise.all(fds.map((fd) => readlink(join(folder, fd)).catch(() => '')))
  return files.includes(device)
}

async function listed(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.sort().map((name) => join(folder, name))
}
