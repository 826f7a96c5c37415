/** Past runs in SQLite: what each measured, per cycle and phase, found again by name or by what it may be compared with. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { median } from 'simple-statistics'
import type { BaselineGroup } from '../journal/events.ts'
import { type Conditions, conditions, measuredGroups } from '../journal/measured.ts'
import type { RunSummary } from '../journal/summary-schema.ts'

/** A run, as far as a list of runs needs it. */
export type StoredRun = { name: string; startedAt: string | null; verdict: string; command: string }

/** What one run measured on one board under one set of conditions. */
export type StoredGroup = BaselineGroup & { board: string; kernels: string[] }

/** An open history. All calls are quick and synchronous; each may throw what `withHistory` deals with. */
export class History implements Disposable {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** Keeps what a run measured, in place of what was known of a run of that name. */
  record(summary: RunSummary): void {
    this.recordAll([summary])
  }

  /** The same for many, in one transaction. */
  recordAll(summaries: Iterable<RunSummary>): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      for (const summary of summaries) this.#insert(summary)
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #insert({ run, startedAt, verdict, command, boards }: RunSummary): void {
    this.#forget(run)
    const runId = this.#all(
      'INSERT INTO runs (name, started_at, verdict, command) VALUES (?, ?, ?, ?) RETURNING id',
      ...[run, startedAt, verdict, command],
    )[0]!.id!
    for (const group of boards.flatMap(measuredGroups)) {
      const groupId = this.#groupId(group.board, group.conditions)
      const kernels = [...new Set(group.cycles.map(({ kernel }) => kernel).filter((name) => name !== null))]
      this.#all('INSERT INTO run_groups VALUES (?, ?, ?)', runId, groupId, JSON.stringify(kernels))
      const insert = this.#prepare('INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?, ?, ?)')
      for (const { cycle, warmup, values } of group.cycles)
        for (const [phase, ms] of Object.entries(values))
          insert.run(groupId, phase, runId, cycle, warmup ? 1 : 0, ms)
    }
  }

  #forget(run: string): void {
    const [known] = this.#all('SELECT id FROM runs WHERE name = ?', run)
    if (!known) return
    const ofRun = 'group_id IN (SELECT group_id FROM run_groups WHERE run_id = ?)'
    this.#all(`DELETE FROM measurements WHERE run_id = ? AND ${ofRun}`, known.id!, known.id!)
    this.#all('DELETE FROM run_groups WHERE run_id = ?', known.id!)
    this.#all('DELETE FROM runs WHERE id = ?', known.id!)
  }

  #groupId(board: string, of: Conditions): Value {
    const text = conditionsText(of)
    this.#all('INSERT OR IGNORE INTO groups (board, conditions) VALUES (?, ?)', board, text)
    return this.#all('SELECT id FROM groups WHERE board = ? AND conditions = ?', board, text)[0]!.id!
  }

  /** The names of all runs. */
  names(): Set<string> {
    return new Set(this.#all('SELECT name FROM runs').map(({ name }) => String(name)))
  }

  /** The runs whose name begins so, newest first; at most a few. */
  find(prefix: string): StoredRun[] {
    const rows = this.#all(
      `SELECT name, started_at, verdict, command FROM runs WHERE substr(name, 1, ?) = ?
       ORDER BY name = ? DESC, started_at DESC LIMIT 5`,
      ...[prefix.length, prefix, prefix],
    )
    return rows.map(({ name, started_at, verdict, command }) => ({
      name: String(name),
      startedAt: started_at === null ? null : String(started_at),
      verdict: String(verdict),
      command: String(command),
    }))
  }

  /** What a run measured, warm-ups left out; empty for one that is not known or measured nothing. */
  groupsOf(run: string): StoredGroup[] {
    const rows = this.#all(
      `SELECT g.id, g.board, g.conditions, r.id AS run_id, r.started_at, rg.kernels FROM runs r
       JOIN run_groups rg ON rg.run_id = r.id JOIN groups g ON g.id = rg.group_id WHERE r.name = ?`,
      run,
    )
    return rows.map((row) => ({
      board: String(row.board),
      conditions: conditions.parse(JSON.parse(String(row.conditions))),
      kernels: JSON.parse(String(row.kernels)) as string[],
      runs: [
        {
          run,
          startedAt: row.started_at === null ? null : String(row.started_at),
          values: this.#valuesOf(row.id!, row.run_id!),
        },
      ],
    }))
  }

  #valuesOf(groupId: Value, runId: Value): Record<string, number[]> {
    const rows = this.#all(
      // Each phase is looked up by the key: a search for the run alone would read all runs of the group.
      `WITH RECURSIVE phases (phase) AS (
         SELECT min(phase) FROM measurements WHERE group_id = ?1
         UNION ALL
         SELECT (SELECT min(phase) FROM measurements WHERE group_id = ?1 AND phase > phases.phase)
         FROM phases WHERE phases.phase IS NOT NULL
       )
       SELECT m.phase, m.ms FROM phases p JOIN measurements m
       ON m.group_id = ?1 AND m.phase = p.phase AND m.run_id = ?2 WHERE m.warmup = 0 ORDER BY m.phase, m.cycle`,
      ...[groupId, runId],
    )
    const values: Record<string, number[]> = {}
    for (const { phase, ms } of rows) {
      values[String(phase)] ??= []
      values[String(phase)]!.push(Number(ms))
    }
    return values
  }

  /**
   * The first of those runs that have all been slow up to `before`: whose median lies nearer to what it is now than to what
   * it was. Looks back to `after`, both ISO times; undefined where the run right before was not slow.
   */
  slowSince(
    { board, conditions: of, phase }: { board: string; conditions: Conditions; phase: string },
    { fromMs, toMs, after, before }: { fromMs: number; toMs: number; after: string; before: string },
  ): { run: string; startedAt: string | null } | undefined {
    const [group] = this.#all(
      'SELECT id FROM groups WHERE board = ? AND conditions = ?',
      ...[board, conditionsText(of)],
    )
    if (!group) return undefined
    const runs = this.#prepare(
      'SELECT id, name, started_at FROM runs WHERE started_at > ? AND started_at < ? ORDER BY started_at DESC, id DESC',
    )
    let first: { run: string; startedAt: string | null } | undefined
    // From the newest back and no further than needed: a regression is mostly young, and a history may be long.
    for (const row of runs.iterate(after, before)) {
      const values = this.#all(
        'SELECT ms FROM measurements WHERE group_id = ? AND phase = ? AND run_id = ? AND warmup = 0',
        ...[group.id!, phase, row.id as Value],
      )
      if (values.length === 0) continue
      if (median(values.map(({ ms }) => Number(ms))) <= (fromMs + toMs) / 2) break
      first = { run: String(row.name), startedAt: String(row.started_at) }
    }
    return first
  }

  #all(sql: string, ...parameters: Value[]): Record<string, Value>[] {
    return this.#prepare(sql).all(...parameters) as Record<string, Value>[]
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}

type Value = string | number | null

/** Parsed, the keys are in the schema's order: equal conditions are equal text. */
function conditionsText(of: Conditions): string {
  return JSON.stringify(conditions.parse(of))
}
