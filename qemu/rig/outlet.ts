/** An outlet of a power switch, with the board that hangs on it. */
export type Outlet = {
  /** The board's name. */
  readonly name: string
  /** What the switch says it did last. */
  readonly switched: boolean
  /** Switches, and returns at once, as a relay does. */
  switch: (on: boolean) => void
  /** Presses the board's reset button, which only a BMC does. */
  reset: () => void
}

/** Outlets by their number, from 1. */
export type Outlets = ReadonlyMap<number, Outlet>
