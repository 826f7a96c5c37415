/** `npm run board -- new`: asks about a board and writes its descriptor. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { descriptorFile } from '../board/descriptor-schema.ts'
import { boardName } from '../board/descriptor-values.ts'
import { stageTypes } from '../board/stage/stages.ts'
import { consoleTypes } from '../console/transports.ts'
import { exitStatus, UsageError } from '../errors.ts'
import { powerTypes } from '../power/switches.ts'
import { parseYaml } from '../yaml.ts'
import { type Answer, Given, type Question } from './lab/ask.ts'
import { answerOf, type Field, isAskable, type Kind, kindsOf } from './lab/fields.ts'
import { type Answers, descriptorText, type Section } from './lab/new-descriptor.ts'
import { boardsDir } from './paths.ts'
import { print } from './print.ts'

export type NewFlags = {
  set?: string[]
  yes?: boolean
  /** Where the descriptor goes, boards/ unless told otherwise. */
  into?: string
}

/** What comes with a QEMU machine is copied from another QEMU board's descriptor, not asked for. */
const notOfRealBoards = ['qemu', 'rig']
/** Stages that come after the firmware's. */
const ownStages = ['login', 'shell']
const byId = '/dev/serial/by-id'
/** Worth a question although there is a default: what is wrong most often, and what a boot loader is told. */
const alwaysAsked = ['baud', 'entry', 'commands']

/** Writes boards/NAME.yaml; never over another file. Returns the exit status. Throws UsageError. */
export async function newBoard(
  name: string | undefined,
  { set = [], yes = false, into = boardsDir }: NewFlags,
  signal: AbortSignal,
): Promise<number> {
  const given = new Given(name === undefined ? set : [`name=${name}`, ...set])
  const asks = process.stdin.isTTY && process.stdout.isTTY && !yes
  const person = asks ? (await import('./lab/ask-person.ts')).askPerson : undefined
  const answer = given.answer(person && ((question) => person(question, signal)))
  const answers = await interview(answer, given, into)
  given.finish()
  signal.throwIfAborted()
  const file = join(into, `${answers.name}.yaml`)
  const text = descriptorText(answers)
  assertRight(text, file)
  await writeNew(file, text)
  const board = into === boardsDir ? answers.name : file
  await print(
    `${file} is written.\nCheck it against the rack: npm run doctor -- --board ${board}\nThen: npm test -- --board ${board}`,
  )
  return exitStatus.passed
}

async function interview(answer: Answer, given: Given, into: string): Promise<Answers> {
  const known = (await readdir(into).catch(() => [])).filter((file) => file.endsWith('.yaml'))
  const ask = async (question: Question) => (await answer(question)) ?? ''
  const name = await ask({
    key: 'name',
    message: "The board's name",
    check: (text) => {
      if (!boardName.safeParse(text).success) return 'a name is made of letters, digits, ".", "_" and "-"'
      return known.includes(`${text}.yaml`) ? `${join(into, text)}.yaml is there already` : undefined
    },
  })
  const arch = await ask({
    key: 'arch',
    message: 'Its architecture',
    choices: [{ value: 'arm64' }, { value: 'x86_64' }, { value: 'ppc64le' }],
  })
  const real = (kinds: Kind[]) =>
    kinds.filter((kind) => isAskable(kind) && !notOfRealBoards.includes(kind.type))
  const context = { answer, given, ports: await serialPorts() }
  const consoleSection = await askSection('console', 'Its console', real(kindsOf(consoleTypes)), context)
  const power = await askSection('power', 'What switches its power', real(kindsOf(powerTypes)), context)
  const stages = await askStages(context)
  const kernel = await ask({
    key: 'kernel',
    message: 'The kernel to kexec: its path on the board',
    fallback: '/boot/vmlinuz',
    check: isPath,
  })
  const initramfs = await ask({
    key: 'initramfs',
    message: 'Its initramfs, a path on the board; empty for none',
    fallback: '',
    check: isPath,
  })
  return { name, arch, console: consoleSection, power, stages, kernel, initramfs: initramfs || undefined }
}

type Context = { answer: Answer; given: Given; ports: string[] }

async function askStages(context: Context): Promise<Section[]> {
  const kinds = kindsOf(stageTypes).filter(isAskable)
  const kind = (type: string) => kinds.filter((one) => one.type === type)
  const firmware = kinds.filter(({ type }) => !ownStages.includes(type))
  const first = await context.answer({
    key: 'firmware',
    message: 'What has to be told by the firmware or boot loader, before Linux starts',
    choices: [
      { value: 'none', hint: 'it boots by itself' },
      ...firmware.map(({ type, description }) => ({ value: type, hint: description })),
    ],
    fallback: 'none',
  })
  const login = await context.answer({
    key: 'login',
    message: 'Is there a login prompt before the shell?',
    choices: [{ value: 'no' }, { value: 'yes' }],
    fallback: 'no',
  })
  return [
    ...(first === 'none' || !first ? [] : [await askFields('firmware', kind(first)[0]!, context)]),
    ...(login === 'yes' ? [await askFields('login', kind('login')[0]!, context)] : []),
    await askFields('shell', kind('shell')[0]!, context),
  ]
}

async function askSection(name: string, message: string, kinds: Kind[], context: Context): Promise<Section> {
  const type = await context.answer({
    key: name,
    message,
    choices: kinds.map(({ type: value, description }) => ({ value, hint: description })),
  })
  const kind = kinds.find((one) => one.type === type)
  return kind ? await askFields(name, kind, context) : { kind: kinds[0]!, values: {} }
}

async function askFields(section: string, kind: Kind, { answer, given, ports }: Context): Promise<Section> {
  const values: Record<string, unknown> = {}
  for (const field of kind.fields.filter(({ askable }) => askable)) {
    const question = questionFor(section, field, ports)
    const isAsked = field.required || alwaysAsked.includes(field.key)
    const text = isAsked ? await answer(question) : given.of(question)
    if (!text) continue
    const found = answerOf(field, text)
    if ('value' in found) values[field.key] = found.value
  }
  return { kind, values }
}

function questionFor(section: string, field: Field, ports: string[]): Question {
  const isPort = field.key === 'path'
  return {
    key: `${section}.${field.key}`,
    message: `${field.description ?? field.key}${isSecret(field) ? ' (the name of an environment variable, or file:PATH)' : ''}`,
    ...(field.choices ? { choices: field.choices.map((value) => ({ value })) } : {}),
    ...(isPort ? { suggestions: ports } : {}),
    ...(field.required ? {} : { fallback: fallbackText(field) }),
    check: (text) => {
      const found = answerOf(field, text)
      return 'wrong' in found ? found.wrong : undefined
    },
  }
}

function fallbackText({ fallback }: Field): string {
  return Array.isArray(fallback) ? fallback.join('; ') : String(fallback ?? '')
}

function isSecret({ schema }: Field): boolean {
  return schema.safeParse({ env: 'NAME' }).success && !schema.safeParse('NAME').success
}

/** Serial ports by names that stay the same whatever is plugged in first. */
async function serialPorts(): Promise<string[]> {
  const names = await readdir(byId).catch(() => [])
  return names.sort().map((name) => join(byId, name))
}

function isPath(text: string): string | undefined {
  return text === '' || text.startsWith('/') ? undefined : 'a path on the board begins with /'
}

/** Each answer was right by itself; together they may still not be, such as a GRUB stage with neither entry nor commands. */
function assertRight(text: string, file: string): void {
  try {
    parseYaml(text, file, descriptorFile)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(`these answers make no board, so nothing was written: ${error.message}`, {
      cause: error,
    })
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'is there already' : `can't be written: ${code}`
    throw new UsageError(`${file} ${why}`, { hint: 'Nothing was changed.', cause: error })
  }
}
