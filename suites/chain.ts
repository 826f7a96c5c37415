/** A bootloader that is kexec'd into, again and again on one power-on: from the main Linux back into its menu. */
import { openSuite } from './support/suite.ts'

const suite = await openSuite('chain')
const iterations = suite.iterations(3)

suite.choiceTest(
  'boots the main Linux and is kexec’d back into, many times on one power-on',
  async (t, bootloader) => {
    await bootloader.session.powerOn()
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const label = bootloader.good[iteration % bootloader.good.length]!.label
      t.true((await bootloader.boot({ by: 'label', label }, { iteration, iterations })).proven)
      t.true((await bootloader.kexecBack({ iteration, iterations })).proven)
    }
  },
)
