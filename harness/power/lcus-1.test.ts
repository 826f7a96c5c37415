import test from 'ava'
import { lcusFrame, lcusState } from './lcus-1.ts'

// The first two are in the seller's description of the protocol.
const frames: [relay: number, energised: boolean, hex: string][] = [
  [1, true, 'a00101a2'],
  [1, false, 'a00100a1'],
  [2, true, 'a00201a3'],
  [8, true, 'a00801a9'],
  [8, false, 'a00800a8'],
]
for (const [relay, energised, hex] of frames) {
  test(`relay ${relay} ${energised ? 'on' : 'off'} is ${hex}`, (t) => {
    t.is(lcusFrame(relay, energised).toString('hex'), hex)
  })
}

test('the answer to a query is read in each of its spellings', (t) => {
  for (const answer of ['CH1: ON \r\nCH2: OFF \r\n', 'CH1:ONCH2:OFF', 'ch 1:on\nch 2:off\n']) {
    t.is(lcusState(answer, 1), true)
    t.is(lcusState(answer, 2), false)
    t.is(lcusState(answer, 3), undefined)
  }
})

test('half an answer says nothing yet', (t) => {
  t.is(lcusState('CH1: O', 1), undefined)
  t.is(lcusState('CH1: OF', 1), undefined)
  t.is(lcusState('', 1), undefined)
  t.is(lcusState('CH11: ON', 1), undefined)
})

test('the end of an earlier answer is passed over', (t) => {
  t.is(lcusState('CH2: ON \r\n', 2), undefined)
  t.is(lcusState('F \r\nCH2: ON \r\nCH1: OFF \r\nCH2: OFF \r\n', 2), false)
})
