/** A table in Markdown, one line a row. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** What made a table: commands of runs, numbered, as they are typed. */
export function madeBy(commands: readonly string[]): string[] {
  // A run knows its command as the harness got it, behind npm.
  const typed = commands.map((command) => command.replace(/^test(?= |$)/, 'npm test --'))
  return ['Made by:', '', ...typed.map((command, index) => `${index + 1}. \`${command}\``)]
}
