import test from 'ava'
import {
  holderOf,
  parsePlaces,
  parseReservations,
  person,
  placeNamed,
  placesTagged,
  whoHas,
} from './places.ts'

// `labgrid-client -v places` and `reservations` of labgrid 26.0.
const listed = `Place 'juno-1':
  aliases: j1, big
  comment: on the left: do not move
  tags: board=juno, rack=a
  matches:
    rack/juno-1/*
  acquired: rack1/alice
  acquired resources:
    rack/juno-1/NetworkPowerPort/NetworkPowerPort
    rack/juno-1/NetworkSerialPort/RawSerialPort -> console
  allowed: vm/root
  created: 2026-11-21 13:51:02.396515
  changed: 2026-11-21 13:51:37.665398
Place 'juno-2':
  tags: board=juno
  matches:
    rack/juno-2/*
  acquired: None
  acquired resources:
  created: 2026-11-21 13:51:02.396515
  changed: 2026-11-21 13:51:02.396515
  reservation: Y0V7BZEDZV
Place 'rpi':
  matches:
  acquired: None
  acquired resources:
  created: 2026-11-21 13:51:02.396515
  changed: 2026-11-21 13:51:02.396515
`
const reserved = `Reservation 'Y0V7BZEDZV':
  owner: vm/bob+kexec-harness-12ab34
  token: Y0V7BZEDZV
  state: allocated
  filters:
    main: name=juno-2
  allocations:
    main: juno-2
  created: 2026-11-21 13:51:29.039142
  timeout: 2026-11-21 13:52:29.039436
Reservation 'WAITING000':
  owner: vm/eve
  token: WAITING000
  state: waiting
  filters:
    main: board=juno
  created: 2026-11-21 13:51:29.039142
  timeout: 2026-11-21 13:52:29.039436
`
const places = parsePlaces(listed)
const reservations = parseReservations(reserved)

test('places are read out of their listing', (t) => {
  t.deepEqual(places[0], {
    name: 'juno-1',
    aliases: ['j1', 'big'],
    tags: { board: 'juno', rack: 'a' },
    acquired: 'rack1/alice',
    changed: '2026-11-21 13:51:37',
    reservation: null,
  })
  t.is(places.length, 3)
  t.like(places[1], { acquired: null, reservation: 'Y0V7BZEDZV' })
  t.deepEqual(parsePlaces(''), [])
})

test('reservations are read out of their listing', (t) => {
  t.deepEqual(
    reservations.map(({ token, state, places: got }) => [token, state, got]),
    [
      ['Y0V7BZEDZV', 'allocated', ['juno-2']],
      ['WAITING000', 'waiting', []],
    ],
  )
})

test('a place is found by its whole name or an alias, never by a part of it as labgrid-client would', (t) => {
  t.is(placeNamed(places, 'big')?.name, 'juno-1')
  t.is(placeNamed(places, 'juno-2')?.name, 'juno-2')
  t.is(placeNamed(places, 'juno'), undefined)
})

test('places are found by all of their tags, their name among them', (t) => {
  const names = (tags: Record<string, string>) => placesTagged(places, tags).map(({ name }) => name)
  t.deepEqual(names({ board: 'juno' }), ['juno-1', 'juno-2'])
  t.deepEqual(names({ board: 'juno', rack: 'a' }), ['juno-1'])
  t.deepEqual(names({ name: 'rpi' }), ['rpi'])
  t.deepEqual(names({ board: 'rpi' }), [])
})

test('who has a place is said', (t) => {
  t.is(whoHas(places[0]!, reservations), 'juno-1 is taken by alice on rack1 since 2026-11-21 13:51:37')
  t.is(whoHas(places[1]!, reservations), 'juno-2 is reserved by a run of kexec-harness by bob on vm')
  t.is(whoHas(places[2]!, reservations), 'rpi is free')
  t.is(person(`vm/${holderOf('DOMAIN\\carol', 'c0ffee')}`), 'a run of kexec-harness by DOMAIN\\carol on vm')
})
