/** The tables of history.sqlite. */

/** Raised with every change of the tables; the file is a copy of what the runs' folders say, and made again from them. */
export const schemaVersion = 1

/** Marks the file as ours (`file` and other tools show it): "kexh". */
export const applicationId = 0x6b_65_78_68

export const tables = `
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    started_at TEXT,
    verdict TEXT NOT NULL,
    command TEXT NOT NULL
  );
  CREATE INDEX runs_by_start ON runs (started_at);
  -- What may be compared: a board, and the conditions of harness/journal/measured.ts as JSON.
  CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    board TEXT NOT NULL,
    conditions TEXT NOT NULL,
    UNIQUE (board, conditions)
  );
  CREATE TABLE run_groups (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    kernels TEXT NOT NULL,
    PRIMARY KEY (run_id, group_id)
  ) WITHOUT ROWID;
  -- One phase of one cycle, in milliseconds; in the order in which one phase is followed from run to run.
  CREATE TABLE measurements (
    group_id INTEGER NOT NULL REFERENCES groups (id),
    phase TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    cycle INTEGER NOT NULL,
    warmup INTEGER NOT NULL,
    ms REAL NOT NULL,
    PRIMARY KEY (group_id, phase, run_id, cycle)
  ) WITHOUT ROWID;
`
