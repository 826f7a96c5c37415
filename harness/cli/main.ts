/** The command line: one file per command, loaded when it is asked for. */
import { Command, CommanderError } from 'commander'
import { exitStatus, exitStatusOf, HarnessError, isAbort } from '../errors.ts'
import type { BaselineFlags } from './baseline.ts'
import type { BenchFlags } from './bench/benchmark.ts'
import type { BisectFlags } from './bisect.ts'
import type { CompareFlags } from './compare.ts'
import { addLabCommands } from './lab/commands.ts'
import { surviveClosedOutput } from './print.ts'
import type { RunFlags } from './run-options.ts'
import { suiteNames } from './suites.ts'

/** Runs a command to its end and sets the exit status. */
export async function main(argv: string[]): Promise<void> {
  const stop = abortOnSignals()
  surviveClosedOutput()
  process.on('uncaughtException', (error) => process.exit(report(error, stop.signal)))
  const status = await parse(argv, stop.signal).catch((error) => report(error, stop.signal))
  process.exitCode = argv.includes('--bisect') ? bisectStatus(status) : status
}

/**
 * What `git bisect run` understands: 0 is good, 125 can't be tested, above 127 ends the bisection, and all else is bad, so
 * that a word typed wrong would make every commit bad.
 */
function bisectStatus(status: number): number {
  if (status === exitStatus.lab) return 125
  return status === exitStatus.usage ? 129 : status
}

type Act = <A extends unknown[]>(
  action: (signal: AbortSignal, ...args: A) => Promise<number>,
) => (...args: A) => Promise<void>

async function parse(argv: string[], signal: AbortSignal): Promise<number> {
  let status = 0
  const act: Act =
    (action) =>
    async (...args) => {
      status = await action(signal, ...args)
    }
  const program = new Command('kexec-harness')
    .description('Kexecs real kernels again and again, times the handover, proves it, and reports it.')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('hint: Add --help to see what there is.')
  addRunCommands(program, act)
  addToolCommands(program, act)
  addLabCommands(program, act)
  await program.parseAsync(argv, { from: 'user' })
  return status
}

function addRunCommands(program: Command, act: Act): void {
  addRunOptions(program.command('start'))
    .description('set up what is missing, kexec the default QEMU boards a few times, print the table')
    .action(act(async (abort, flags: RunFlags) => (await import('./start.ts')).start(flags, abort)))
  addRunOptions(program.command('test'))
    .description(
      "alone: the harness's own tests and a smoke run; with --board, --suite or --fault: the suites on boards",
    )
    .action(act(async (abort, flags: RunFlags) => (await import('./test.ts')).test(flags, abort)))
  addRunOptions(program.command('matrix'))
    .description(
      'run the shutdown suite over kernels (shutdown) or fault modules (faults), and print a table',
    )
    .argument('<name>', 'shutdown or faults')
    .action(
      act(async (abort, name: string, flags: RunFlags) =>
        (await import('./matrix/matrix.ts')).matrix(name, flags, abort),
      ),
    )
  program
    .command('loader-table')
    .description('print what runs say of each loader, board and way of selecting, as a table')
    .argument('<run...>', "runs' folders, such as results/latest")
    .action(act(async (_abort, runs: string[]) => (await import('./matrix/loaders.ts')).loaderTable(runs)))
  program
    .command('relocation-table')
    .description('print how relocation grows with the initramfs, by the experiments of runs, as a table')
    .argument('<run...>', "runs' folders, such as results/latest")
    .option('--svg <file>', 'where a plot of it goes')
    .action(
      act(async (_abort, runs: string[], flags: { svg?: string }) =>
        (await import('./matrix/relocation.ts')).relocationTable(runs, flags),
      ),
    )
  addComparisonCommands(program, act)
  addBisectCommand(program, act)
  program
    .command('report')
    .description('make the reports of a run again from its journal')
    .argument('<run>', "a run's folder, such as results/latest")
    .action(act(async (_abort, run: string) => (await import('./report.ts')).report(run)))
}

function addComparisonCommands(program: Command, act: Act): void {
  program
    .command('compare')
    .description('compare what runs measured, phase by phase; exit status 1 where something got slower')
    .argument('<from>', "a run's folder or name (a beginning will do), latest, or baseline")
    .argument('[to]', 'the same; latest')
    .option('--board <name>', 'only this board; repeat for several', collect)
    .option('--threshold <sizes>', 'what a change has to exceed, such as 5%, 20ms, or both: 5%,20ms')
    .option('--results <dir>', "where the runs' folders are", 'results')
    .option('--json', 'print the comparison as JSON')
    .action(
      act(async (_abort, from: string, to: string | undefined, flags: CompareFlags) =>
        (await import('./compare.ts')).compare(from, to, flags),
      ),
    )
  program
    .command('baseline')
    .description('accept what runs measured as normal (accept), print it (show), or forget it (drop)')
    .argument('<action>', 'accept, show or drop')
    .argument('[run...]', "accept: runs' folders or names; latest. Several are one baseline")
    .option('--board <name>', 'only this board; repeat for several', collect)
    .option('--add', 'accept: beside the runs that are accepted already')
    .option('--results <dir>', "where the runs' folders are", 'results')
    .action(
      act(async (_abort, action: string, runs: string[], flags: BaselineFlags) =>
        (await import('./baseline.ts')).baseline(action, runs, flags),
      ),
    )
}

function addBisectCommand(program: Command, act: Act): void {
  addRunOptions(program.command('bisect'))
    .description(
      'find the first kernel that fails, or is slower, among the packages of Debian or your own files',
    )
    .option(
      '--good <kernel>',
      "a version of the kernel's package, or a recipe; of --kernels a name, the first one",
    )
    .option('--bad <kernel>', 'the same; of --kernels the last one')
    .option('--kernels <path...>', 'a folder of kernels, a file with a path a line, or several kernels')
    .option(
      '--gap <duration>',
      'bad is a median gap that is longer, such as 2s, instead of a test that fails',
    )
    .option(
      '--slower <sizes>',
      "bad is a gap longer than the good kernel's by more than that: 20%, 300ms, 20%,300ms",
    )
    .option('--list', 'print the kernels that there are, oldest first')
    .option('--resume', 'go on with the last bisection that did not end; nothing is tested twice')
    .action(act(async (abort, flags: BisectFlags) => (await import('./bisect.ts')).bisect(flags, abort)))
}

function addToolCommands(program: Command, act: Act): void {
  program
    .command('doctor')
    .description(
      'print what is there, what is missing, and what would be done; of boards, what is wrong on the rack',
    )
    .option('--board <name>', 'check each part of a board against the rack; repeat for several', collect)
    .option('--power', 'boot those boards cold too: switches their power off and on')
    .action(
      act(async (abort, flags: { board?: string[]; power?: boolean }) =>
        flags.board
          ? (await import('./board-doctor.ts')).boardDoctor(flags.board, flags, abort)
          : (await import('./doctor.ts')).doctor(abort),
      ),
    )
  program
    .command('images')
    .description('build the images of the recipes')
    .argument('[recipe...]', 'names of recipes; all of them')
    .option('--update', 'ask the mirror for newer packages')
    .action(
      act(async (abort, recipes: string[], flags: { update?: boolean }) =>
        (await import('./images.ts')).images(recipes, flags, abort),
      ),
    )
  program
    .command('schema')
    .description('write the JSON Schemas that editors and readers of run.json use')
    .action(act(async () => (await import('./schema.ts')).schema()))
  program
    .command('bench')
    .description('measure the harness itself, each figure as a ratio or against a bound')
    .argument(
      '[name...]',
      'benchmarks; all of them but regressions and regressions-initramfs, which take an hour each',
    )
    .option(
      '--board <name>',
      'regressions, regressions-initramfs: the QEMU board; warm: one board in place of both',
    )
    .option('--trials <n>', 'regressions: how often each regression is planted; 20')
    .option(
      '--cycles <n>',
      'regressions: cycles of each kind in a trial, 6, of -initramfs 8; attribution: pairs of cycles, 12; warm: pairs, 10',
    )
    .option('--results <dir>', 'regressions: where each cycle is written to', 'results')
    .action(
      act(async (abort, names: string[], flags: BenchFlags) =>
        (await import('./bench.ts')).bench(names, flags, abort),
      ),
    )
}

function addRunOptions(command: Command): Command {
  return command
    .option('--board <name>', 'a board, by name or path of its descriptor; repeat for several', collect)
    .option('--suite <name>', `${suiteNames.join(', ')}; repeat for several`, collect)
    .option('--loader <name>', 'the loader to use, and what it is told: NAME or NAME,KEY=VALUE…')
    .option('--iterations <n>', 'how many cycles a suite repeats')
    .option(
      '--precision <share>',
      'timing: repeat until the median gap is known within this, such as 5%; at most --iterations cycles, or 50',
    )
    .option('--warmups <n>', 'timing: cycles of each way of loading that come first and are in no statistics')
    .option('--kernel <image>', 'a kernel, as a path or the name of an image')
    .option('--old <image>', 'the kernel that boots cold and kexecs the other one, where it is not the same')
    .option('--initramfs <image>', 'an initramfs, as a path or the name of an image')
    .option('--disk <path>', 'a disk that the board gets too; it is not written to')
    .option('--append <text>', 'added to the kernel command line of every generation')
    .option('--results <dir>', "where the run's folder goes", 'results')
    .option('--fault <name>', 'puts a fault module into each old kernel, to see whether it is found')
    .option(
      '--bisect-drivers',
      'unbinds drivers before the kexec until a finding goes away, and names the one',
    )
    .option('--signatures <file>', 'a YAML file of further signatures; repeat for several', collect)
    .option('--cold', 'boot at every power-on, also where an earlier cold boot could be gone on from')
    .option('--timeout <duration>', 'a bound on the whole run, such as 90s or 20m')
    .option('--json', 'print the machine-readable summary on standard output')
    .option('--bisect', 'exit status 125 instead of 3 and 129 instead of 2, for `git bisect run`')
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

/** Ctrl-C, a hang-up, and the end of the process that started this one all stop the command in good order. */
function abortOnSignals(): AbortController {
  const stop = new AbortController()
  const abort = () => stop.abort(new DOMException('interrupted', 'AbortError'))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, abort)
  process.on('disconnect', abort)
  process.channel?.unref()
  return stop
}

/** Prints an error as its reader needs it, and returns the exit status. */
function report(error: unknown, signal: AbortSignal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.passed : exitStatus.usage
  if (isAbort(error) || signal.aborted) {
    console.error('interrupted')
    return exitStatus.interrupted
  }
  if (error instanceof HarnessError) {
    console.error(`error: ${error.message}`)
    if (error.hint !== undefined) console.error(`hint: ${error.hint}`)
    return exitStatusOf(error)
  }
  console.error('This is a bug of the harness itself; please report it with what follows.')
  console.error(error)
  return exitStatusOf(error)
}
