/** Lines that say what a set-up step does, on standard error so that standard output stays for results. */

/** Tells a person what goes on. */
export type Progress = (text: string) => void

/** Prints each step as a line of its own. */
export const printProgress: Progress = (text) => console.error(`set-up: ${text}`)
