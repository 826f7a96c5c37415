/** Whether purgatory was told to skip its digest, as the kernel was given it: x86 only, where `kexec -d` names the symbol. */
import { quote } from '../../harness/console/shell.ts'
import { entrySegment, parseKexecDebug } from '../../harness/loader/kexec-debug.ts'
import type { BoardUnderTest } from './board-under-test.ts'
import { Skip } from './skip.ts'

const tracing = '/sys/kernel/tracing'
const event = 'harness_skip_checks'

/**
 * What `skip_checks` of kexec-tools' purgatory (purgatory/purgatory.c) is in the image of each of these loads. A kprobe on
 * the system call follows its pointers into the memory of the program that loads. Throws Skip where that can't be had.
 */
export async function skipChecksOf(board: BoardUnderTest, options: readonly string[]): Promise<number[]> {
  const { kernel } = await board.board.provideTarget(new AbortController().signal)
  const typed = `kexec -c -l ${quote(kernel)} --append=x`
  const told = 'kexec_load: entry|nr_segments|segment\\[|sym: skip_checks value'
  const { output: debug } = await board.run(`${typed} -d 2>&1 | grep -E '${told}'`)
  const layout = parseKexecDebug(debug)
  const purgatory = layout && entrySegment(layout)
  const flag = /sym: skip_checks value: ([0-9a-f]+) /.exec(debug)?.[1]
  if (!purgatory || flag === undefined) throw new Skip('kexec -d does not tell where purgatory has its flag')
  // struct kexec_segment has 32 bytes and begins with `buf`; the array is the call's third argument, which is `dx` of
  // struct pt_regs (arch/x86/include/asm/ptrace.h).
  const segment = layout.segments.indexOf(purgatory) * 32
  const offset = BigInt(`0x${flag}`) - purgatory.mem
  const fetch = `skip=+u${offset}(+u${segment}(+96($arg1))):u32`
  const { output } = await board.run(
    [
      `{ [ -e ${tracing}/kprobe_events ] || mount -t tracefs tracefs ${tracing}; } 2>/dev/null`,
      `echo 'p:${event} __x64_sys_kexec_load ${fetch}' >>${tracing}/kprobe_events`,
      `echo 1 >${tracing}/events/kprobes/${event}/enable && echo armed`,
    ].join('; '),
  )
  if (!output.includes('armed')) throw new Skip('the running kernel takes no kprobe on kexec_load')
  for (const option of options) await board.run(`${typed} ${option}`)
  const { output: seen } = await board.run(
    `grep -o '${event}:.* skip=.*' ${tracing}/trace; echo 0 >${tracing}/events/kprobes/${event}/enable; echo '-:${event}' >>${tracing}/kprobe_events`,
  )
  return [...seen.matchAll(/ skip=(\d+)/g)].map(([, value]) => Number(value))
}
