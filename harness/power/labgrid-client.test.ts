import test from 'ava'
import { labgridUser, labgridWords } from './labgrid-client.ts'

test('labgrid-client’s own words are found among gRPC’s', (t) => {
  // labgrid 26.0 on Python 3.14.
  const refused = `labgrid-client: Error: place juno-1 is not acquired
Traceback (most recent call last):
  File "grpc_aio.pyx.pxi", line 110, in grpc._cython.cygrpc.shutdown_grpc_aio
PythonFinalizationError: cannot join thread at interpreter shutdown
`
  t.is(labgridWords(refused), 'place juno-1 is not acquired')
  t.is(labgridWords('Server error: Error: Place x does not exist\n'), 'Place x does not exist')
})

test('of a driver’s traceback the last line is said', (t) => {
  const raised = `Traceback (most recent call last):
  File "client.py", line 971, in power
    res = getattr(drv, action)()
NotImplementedError: pdudaemon does not support retrieving the port's state
Exception ignored in: 'grpc._cython.cygrpc.AioChannel.__dealloc__'
Traceback (most recent call last):
  File "threading.py", line 1134, in join
PythonFinalizationError: cannot join thread at interpreter shutdown
`
  t.is(labgridWords(raised), "NotImplementedError: pdudaemon does not support retrieving the port's state")
})

test('the user is who Python would say', (t) => {
  t.deepEqual(labgridUser({ LG_HOSTNAME: 'rack1', USER: 'alice' }), { host: 'rack1', user: 'alice' })
  t.is(labgridUser({ LOGNAME: 'bob', USER: 'alice' }).user, 'bob')
  t.is(labgridUser({ LG_USERNAME: 'ci', LOGNAME: 'bob' }).user, 'ci')
})
