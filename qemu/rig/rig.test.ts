import test from 'ava'
import { SimulatedLcus } from './simulated-lcus.ts'
import { rigConsole, rigPower, rigSpec } from './spec.ts'
import { TelnetDecoder } from './telnet-line.ts'
import { TextCount } from './text-count.ts'

/** Every way to cut bytes into two pieces, and each byte alone. */
function cuts(bytes: Buffer): Buffer[][] {
  const halves = [...bytes.keys()].map((at) => [bytes.subarray(0, at), bytes.subarray(at)])
  return [...halves, [...bytes].map((byte) => Buffer.from([byte]))]
}

test('the Nth time of a text is found wherever the stream is cut, and only once', (t) => {
  const said = Buffer.from('Bye!..Bye!Bye!...')
  for (const pieces of cuts(said)) {
    const count = new TextCount('Bye!', 2)
    let before = 0
    const found = pieces.flatMap((piece) => {
      const at = count.push(piece)
      before += piece.length
      return at === undefined ? [] : [before - piece.length + at]
    })
    t.deepEqual(found, [10])
  }
})

test('a text that begins where another one ends counts once', (t) => {
  const count = new TextCount('aa', 2)
  t.is(count.push(Buffer.from('aaa')), undefined)
  t.is(count.push(Buffer.from('a')), 1)
})

test('telnet is taken apart wherever it is cut', (t) => {
  const will = [255, 251, 44]
  const unknown = [255, 253, 24]
  const baud = [255, 250, 44, 1, 0, 1, 194, 0, 255, 240]
  const breakOn = [255, 250, 44, 5, 5, 255, 240]
  const bytes = Buffer.from([...will, 97, 255, 255, 13, ...unknown, ...baud, ...breakOn, 255, 243, 98])
  for (const pieces of cuts(bytes)) {
    const decoder = new TelnetDecoder()
    const parts = pieces.map((piece) => decoder.push(piece))
    t.deepEqual([...Buffer.concat(parts.map(({ data }) => data))], [97, 255, 13, 98])
    t.is(
      parts.map(({ breaks }) => breaks).reduce((sum, one) => sum + one, 0),
      2,
    )
    t.deepEqual(
      [...Buffer.concat(parts.map(({ answer }) => answer))],
      [
        ...[255, 253, 44, 255, 252, 24],
        ...[255, 250, 44, 101, 0, 1, 194, 0, 255, 240, 255, 250, 44, 105, 5, 255, 240],
      ],
    )
  }
})

test('a relay board obeys whole frames with a right sum, and passes over the rest', (t) => {
  const frames = [0x41, 0xa0, 1, 1, 0xa2, 0xa0, 2, 1, 0xff, 0xa0, 0xa0, 2, 0, 0xa2, 0xa0, 9, 1, 0xaa, 0xff]
  for (const pieces of cuts(Buffer.from(frames))) {
    const heard: [number, boolean][] = []
    const relay = (number: number) => ({
      ...{ name: '', switched: false, reset: () => {} },
      switch: (on: boolean) => void heard.push([number, on]),
    })
    const board = new SimulatedLcus(new Map([1, 2].map((number) => [number, relay(number)])))
    for (const piece of pieces) board.typed(piece)
    t.deepEqual(heard, [
      [1, true],
      [2, false],
    ])
  }
})

test('what a schema gives can be parsed again, and short forms are filled in', (t) => {
  const board = rigSpec.parse({
    faults: [{ type: 'cut-console', after: 'Bye!' }, { type: 'dead-relay' }],
  })
  t.deepEqual(rigSpec.parse(board), board)
  t.like(board, { firmware: 'none', faults: { 0: { count: 1, for: '5s' } } })
  t.like(rigConsole.parse({ type: 'rig', as: 'serial' }), { baud: 115_200 })
  t.like(rigPower.parse({ type: 'rig', as: 'web' }), { offDwell: '500ms' })
  t.throws(() => rigSpec.parse({ faults: [{ type: 'hang', after: 'x\u001b', count: 1 }] }))
})
