/** Which console lines belong to a kernel's dump, such as a trace or registers, rather than to the log around it. */

/** printk's level, stamp and caller, as in `<4>[    0.000000][    T0] `. */
const printkPrefix = /^(?:<\d{1,2}>)?(?:\[ *\d{1,8}\.\d{6}\])?(?:\[ *[TC]\d{1,10}\])? ?/

/** A line without what printk puts before a message. */
export function withoutStamp(text: string): string {
  return text.replace(printkPrefix, '')
}

/** Sources: show_regs(), show_stack(), dump_stack() and print_modules() of arch/{x86,arm64,arm,riscv,powerpc}/kernel. */
const dumpLines = [
  // Stack entries: ` foo+0x12/0x34 [module]`, ` ? foo+0x12/0x34`, `[<c0100000>] foo from bar`, `[c000…] [c000…] foo+0x1/0x2`.
  /\+0x[0-9a-f]+\/0x[0-9a-f]+/,
  /^\[<[0-9a-f]{8,16}>\]/,
  /^\[[0-9a-f]{16}\] /,
  /^ ?(Call [Tt]race|Backtrace|stack backtrace|Stack|Code|Instruction dump|Modules linked in|Hardware name|Workqueue|Tainted|Last unloaded|Exception stack|Process|Insn|Unloaded tainted modules)\b/,
  /^ ?<\/?(TASK|IRQ|NMI|SOFTIRQ|EOI|#?[A-Z]{2,3}\d?)>/,
  /^ ?(CPU: \d+ |CPU#\d+|RIP: |RSP: |R[A-D]X: |RBP: |R\d\d: |FS: |CR2: |CS: |DR\d: |PKRU: |ORIG_RAX|EIP: |EAX: |ESI: |DS: |NIP|LR |GPR\d\d|MSR: |CFAR|CTR|XER|REGS: )/,
  /^ ?(pc : |lr : |sp : |pstate: |x\d{1,2} ?: |r\d{1,2} ?: |epc ?: |status: |gp : |tp : |ip : |[ast]\d{1,2} ?: |pmr_save|ESR_EL1|Flags: |Control: |PC is at|LR is at)/,
  /^ ?(#PF: |PGD |Mem abort info|Data abort info|ESR = |EC = |SET = |EA = |FSC = |ISV = |CM = |user pgtable|swapper pgtable|Kernel Offset|Memory Limit|---\[ end )/,
  /^ ?(NMI backtrace|Sending NMI|task:|rcu: |Task dump|stack:|ppid:|flags:|INFO: lockdep|handlers:|Showing |Pending |workqueue |pwq |in-flight|pending|page:|page dumped|raw: |Mem-Info|Node \d|active_anon|"echo 0 >|Not tainted)/,
  /^ ?(Read of size|Write of size|The buggy address|Allocated by|Freed by|Memory state|which belongs|allocated by task|freed by task|value changed|other info|the existing dependency|but task is already|which lock already|Possible unsafe|\*\*\* DEADLOCK|\d+ locks? held|#\d+: |-> #\d+|lock\(|CPU0 +CPU1|----)/,
  /^(={10,}|-{10,}|\t| {3,}\S)/,
  /^ *$/,
]

/** True for a line that only a dump has; `text` may carry printk's stamp. */
export function isDumpLine(text: string): boolean {
  const message = withoutStamp(text)
  return dumpLines.some((pattern) => pattern.test(message))
}

/** The first words of a kernel, which end any dump of the one before it. */
export function startsKernel(text: string): boolean {
  return /Linux version \d|Booting Linux on physical CPU/.test(text)
}
