/** A device tree file on the board that differs from the running one in its model alone. */
import { quote } from '../../harness/console/shell.ts'
import type { BoardUnderTest } from './board-under-test.ts'
import { Skip } from './skip.ts'

const file = '/tmp/harness.dtb'

/**
 * Writes the board's own device tree with the first letter of `model` in the other case; returns the file's path on the
 * board and the new model. Nothing moves in the file, and no driver goes by that property. Throws Skip where firmware
 * brought no device tree.
 */
export async function changeDeviceTree(board: BoardUnderTest): Promise<{ file: string; model: string }> {
  const { output } = await board.run("[ -r /sys/firmware/fdt ] && tr '\\000' '\\n' </proc/device-tree/model")
  const model = output.trim()
  if (model === '') throw new Skip('the board has no device tree with a model')
  const first = model[0]!
  const changed = (first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase()) + model.slice(1)
  if (changed === model) throw new Skip(`the model ${JSON.stringify(model)} does not begin with a letter`)
  // Bytes as text, with spaces between them, so that nothing is found across two halves of bytes.
  const hex = (text: string) => Buffer.from(`${text}\0`).toString('hex').replace(/../g, ' $&')
  const swap = quote(`s/${hex(model)}/${hex(changed)}/`)
  const { status } = await board.run(
    `od -An -v -tx1 /sys/firmware/fdt | tr -d '\\n' | sed ${swap} | xxd -r -p >${file}; cmp -s /sys/firmware/fdt ${file}`,
  )
  // cmp(1): 1 is a difference, more is trouble.
  if (status !== 1) throw new Skip('the board has no od, sed or xxd to make a device tree file with')
  return { file, model: changed }
}
