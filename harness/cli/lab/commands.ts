/** The commands for a lab's boards: each loads its file when it is asked for. */
import type { Command } from 'commander'
import type { RecordFlags } from '../record.ts'

type Act = <A extends unknown[]>(
  action: (signal: AbortSignal, ...args: A) => Promise<number>,
) => (...args: A) => Promise<void>

export function addLabCommands(program: Command, act: Act): void {
  program
    .command('power')
    .description("switch a board's power by hand")
    .argument('<board>', 'a board, by name or path of its descriptor')
    .argument('<action>', 'on, off, cycle or state')
    .action(
      act(async (abort, board: string, action: string) =>
        (await import('../power.ts')).power(board, action, abort),
      ),
    )
  program
    .command('console')
    .description("show a board's console, also while a run uses it")
    .argument('<board>', 'a board, by name or path of its descriptor')
    .option('--write', 'take the board, and send it what is typed')
    .action(
      act(async (abort, board: string, flags: { write?: boolean }) =>
        (await import('../console.ts')).viewConsole(board, flags, abort),
      ),
    )
  addRecordCommand(program, act)
  addBoardCommands(program, act)
}

function addRecordCommand(program: Command, act: Act): void {
  program
    .command('record')
    .description("record a board's console, or make the recording of a past run's; asciinema plays them")
    .argument('<board or run>', "a board, or a run's folder, such as results/latest")
    .option('-o, --output <file>', 'where the recording goes; - is standard output')
    .option('--write', 'take the board, and send it what is typed')
    .option('--power-cycle', "switch the board's power off and on first; start a QEMU board's machine")
    .option('--for <duration>', 'how long to record, such as 90s; until somebody quits')
    .option('--kernel <image>', "what a QEMU board's machine boots, with --power-cycle")
    .option('--initramfs <image>', 'and the initramfs for it')
    .option('--disk <path>', 'a disk that it gets too; it is not written to')
    .option('--append <text>', 'added to the kernel command line')
    .option('--board <name>', 'of a run with several: whose console')
    .option('--from <seconds>', 'of a run: from when on, as BOARD.log has it')
    .option('--to <seconds>', 'of a run: until when')
    .action(
      act(async (abort, target: string, flags: RecordFlags) =>
        (await import('../record.ts')).record(target, flags, abort),
      ),
    )
}

function addBoardCommands(program: Command, act: Act): void {
  const board = program.command('board').description('the boards there are, and new ones')
  board
    .command('new')
    .description('ask about a board and write its descriptor; without a terminal --set gives the answers')
    .argument('[name]', 'its name, which is also that of the file')
    .option('--set <key=value>', 'an answer, such as console.path=/dev/ttyUSB0; repeat for several', collect)
    .option('--yes', 'ask nothing: take the defaults for what --set does not say')
    .option('--into <dir>', 'the folder of the descriptor; boards/')
    .action(
      act(async (abort, name: string | undefined, flags: { set?: string[]; yes?: boolean; into?: string }) =>
        (await import('../board-new.ts')).newBoard(name, flags, abort),
      ),
    )
  board
    .command('list')
    .description('print the boards, who has them, and which are in quarantine')
    .action(act(async () => (await import('../board.ts')).boardList()))
  board
    .command('release')
    .description("lift a board's quarantine")
    .argument('<board>', 'a board, by name or path of its descriptor')
    .action(act(async (_abort, name: string) => (await import('../board.ts')).boardRelease(name)))
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}
