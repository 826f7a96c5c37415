/** Every option of kexec-tools: did it really take effect, as the kernels themselves tell it? */
import { entrySegment } from '../harness/loader/kexec-debug.ts'
import { kexecTools } from '../harness/loader/kexec-tools.ts'
import type { LoadMethod } from '../harness/loader/loader.ts'
import { changeDeviceTree } from './support/device-tree-file.ts'
import { callsSoFar, parseCalls, traceCalls } from './support/kernel-calls.ts'
import { load, memoryWindow, plain, preparation, prepareKernel, unload } from './support/kexec-tools-steps.ts'
import { skipChecksOf } from './support/purgatory-flag.ts'
import { Skip } from './support/skip.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('kexec-tools', { loader: kexecTools })

const filed: LoadMethod = { ...plain, syscall: 'kexec_file_load', checks: true }

suite.test('kexec -e with nothing loaded is refused and changes nothing', async (t, board) => {
  await unload(board)
  const before = await board.session.ensureRunning()
  const { status, output } = await board.run('kexec -e')
  t.not(status, 0)
  t.regex(output, /Nothing has been loaded!/)
  t.true((await board.run('cat /proc/sys/kernel/random/boot_id')).output.includes(before.bootId))
})

for (const [option, method] of [
  ['-c', plain],
  ['-s', filed],
] as const)
  suite.test(
    `kexec ${option} -l and ${option} -u are calls of ${method.syscall} and nothing else`,
    async (t, board) => {
      await traceCalls(board)
      await unload(board)
      await callsSoFar(board)
      t.is((await load(board, method)).loaded, true)
      const loading = (await callsSoFar(board)).map(({ name }) => name)
      t.deepEqual(loading, [method.syscall, 'sync'], 'what the kernel was asked for by the load')
      t.is((await unload(board, method)).loaded, false)
      const unloading = (await callsSoFar(board)).map(({ name }) => name)
      t.deepEqual(unloading, [method.syscall], 'what the kernel was asked for by the unload')
    },
  )

suite.test(
  'kexec -a takes kexec_file_load, and kexec_load only where the kernel lacks that',
  async (t, board) => {
    await traceCalls(board)
    await unload(board)
    await callsSoFar(board)
    const { kernel } = await board.board.provideTarget(new AbortController().signal)
    const { status, output } = await board.run(`kexec -a -l '${kernel}' --append=x`)
    t.is(status, 0, output)
    t.is((await board.run('cat /sys/kernel/kexec_loaded')).output.trim(), '1')
    const made = (await callsSoFar(board)).map(({ name }) => name).filter((name) => name !== 'sync')
    const has = (await board.run("grep -c ' __do_sys_kexec_file_load$' /proc/kallsyms")).output.trim() !== '0'
    // A kernel without the call has no event of it either.
    t.deepEqual(made, has ? ['kexec_file_load'] : ['kexec_load'])
    await unload(board)
  },
)

suite.test('kexec -d tells the segments and the entry point that the kernel was given', async (t, board) => {
  await traceCalls(board)
  await callsSoFar(board)
  const { layout, output } = await load(board, { ...plain, options: { debug: true } })
  if (!layout) return t.fail(`no segments in: ${output.slice(-2000)}`)
  const [call] = await callsSoFar(board)
  t.is(call?.arguments.entry, layout.entry.toString(16))
  t.is(Number.parseInt(call?.arguments.nr_segments ?? '', 16), layout.segments.length)
  t.truthy(entrySegment(layout), 'the entry point is in a segment')
  for (const { bufsz, memsz } of layout.segments) t.true(bufsz <= memsz)
})

suite.test('kexec -y leaves out the sync of a load', async (t, board) => {
  await traceCalls(board)
  await callsSoFar(board)
  t.is((await load(board, { ...plain, options: { sync: false } })).loaded, true)
  t.deepEqual(
    (await callsSoFar(board)).map(({ name }) => name),
    ['kexec_load'],
  )
})

suite.test('a memory window that is too small is refused, and nothing is loaded', async (t, board) => {
  await unload(board)
  const { from } = await memoryWindow(board)
  const refused = await load(board, { ...plain, options: { memMin: from, memMax: from + 0xfffff } })
  t.not(refused.status, 0)
  t.regex(refused.output, /Could not find a free area of memory of 0x[0-9a-f]+ bytes/)
  t.is(refused.loaded, false)
})

suite.test('--mem-min and --mem-max hold every segment, and the kernel boots there', async (t, board) => {
  const window = await memoryWindow(board)
  const options = { memMin: window.from, memMax: window.to }
  const { layout } = await load(board, { ...plain, options: { ...options, debug: true } })
  for (const { mem, memsz } of layout!.segments)
    t.true(
      mem >= BigInt(window.from) && mem + BigInt(memsz) - 1n <= BigInt(window.to),
      `0x${mem.toString(16)} and 0x${memsz.toString(16)} bytes`,
    )
  // Else an x86 kernel moves itself to where it likes; an arm64 kernel stays, whatever KASLR does to its addresses.
  const stay = board.board.descriptor.arch === 'x86_64' ? ' nokaslr' : ''
  await board.kexec({ ...plain, options }, { append: `${preparation}${stay}` })
  const { output } = await board.run(`grep 'Kernel code' /proc/iomem`)
  const code = Number.parseInt(output.trim(), 16)
  t.true(code >= window.from && code <= window.to, output)
})

suite.test("--reuse-cmdline hands on the running kernel's command line", async (t, board) => {
  const before = (await board.run('cat /proc/cmdline')).output.trim()
  await board.kexec({ ...plain, options: { reuseCommandLine: true } })
  const after = (await board.run('cat /proc/cmdline')).output.trim()
  // Each kernel's nonce is its own, so this can only come from the one before.
  t.true(after.startsWith(before), `${JSON.stringify(before)} is the beginning of ${JSON.stringify(after)}`)
  t.true(after.length > before.length)
})

suite.test('--dtb gives the new kernel that very device tree', async (t, board) => {
  if (board.board.descriptor.arch === 'x86_64') throw new Skip("x86's kexec-tools has no --dtb")
  const { file, model } = await changeDeviceTree(board)
  await board.kexec({ ...plain, options: { dtb: file } }, { append: preparation })
  const { output } = await board.run("tr '\\000' '\\n' </proc/device-tree/model")
  t.is(output.trim(), model)
})

suite.test("-i, which is --no-checks, leaves out purgatory's digest", async (t, board) => {
  if (board.board.descriptor.arch === 'x86_64') {
    t.deepEqual(await skipChecksOf(board, ['', '-i', '--no-checks']), [0, 1, 1], 'skip_checks of purgatory')
    return
  }
  // Nothing names purgatory's flag here, but without caches the digest takes many times as long as all the rest.
  const unchecked = await board.kexec(plain, { append: preparation })
  const checked = await board.kexec({ ...plain, checks: true }, { append: preparation })
  t.true(
    checked.phases.gapMs! > 3 * unchecked.phases.gapMs!,
    `${checked.phases.gapMs} ms with, ${unchecked.phases.gapMs} ms without`,
  )
})

for (const [title, quiet] of [
  ['kexec -e syncs and takes the interfaces down first', false],
  ['kexec -e -x -y does neither', true],
] as const)
  suite.test(title, async (t, board) => {
    await prepareKernel(board)
    await traceCalls(board)
    const { output } = await board.run('ls -d /sys/class/net/*/device')
    const hasInterface = output.includes('/device') && !output.includes('No such')
    const lines: string[] = []
    const method: LoadMethod = { ...plain, ifdown: !quiet, ...(quiet ? { options: { sync: false } } : {}) }
    const stop = board.board.console.onLine(({ text }) => lines.push(text))
    try {
      await board.kexec(method, { append: preparation })
    } finally {
      stop()
    }
    const made = parseCalls(lines).map(({ name }) => name)
    t.true(made.includes('kexec_load'), 'the trace reaches the console')
    // A load ends with a sync of its own.
    t.is(made.filter((name) => name === 'sync').length, quiet ? 0 : 2)
    if (hasInterface || quiet) t.is(made.includes('ioctl'), !quiet, 'SIOCSIFFLAGS')
    else t.log('no network interface but lo, which kexec -e leaves alone')
  })

suite.test('kexec -p loads a crash kernel beside the other, -p -u unloads it, -S tells', async (t, board) => {
  await prepareKernel(board)
  await traceCalls(board)
  await unload(board)
  await callsSoFar(board)
  const loaded = await load(board, plain, 'crash')
  t.is(loaded.loaded, true, loaded.output)
  const [call] = await callsSoFar(board)
  // KEXEC_ON_CRASH, include/uapi/linux/kexec.h
  t.is(Number.parseInt(call?.arguments.flags ?? '', 16) & 1, 1)
  t.is((await board.run('cat /sys/kernel/kexec_loaded')).output.trim(), '0')
  t.is((await board.run('kexec -S')).status, 1, '-S is 1 where a crash kernel is loaded')
  t.is((await board.run('kexec -p -u; cat /sys/kernel/kexec_crash_loaded')).output.trim(), '0')
  t.is((await board.run('kexec -S')).status, 0)
})

suite.test('kexec -p without memory set aside is refused in its own words', async (t, board) => {
  const { output: size } = await board.run('cat /sys/kernel/kexec_crash_size')
  if (size.trim() !== '0') await board.kexec(plain)
  if ((await board.run('cat /sys/kernel/kexec_crash_size')).output.trim() !== '0')
    throw new Skip("the board's own command line sets memory aside for a crash kernel")
  const refused = await load(board, plain, 'crash')
  t.not(refused.status, 0)
  t.regex(refused.output, /Memory for crashkernel is not reserved/)
  t.is(refused.loaded, false)
})
