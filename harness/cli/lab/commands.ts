/** The commands for a lab's boards: each loads its file when it is asked for. */
import type { Command } from 'commander'

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
  addBoardCommands(program, act)
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
