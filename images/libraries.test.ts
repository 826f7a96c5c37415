import test from 'ava'
import { isProgramLoader } from './libraries.ts'

test("the C library's loader is told by its name, which is another one on POWER", (t) => {
  for (const name of ['ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1', 'ld64.so.2'])
    t.true(isProgramLoader(name), name)
  for (const name of ['libdl.so.2', 'ld', 'ldap.so.2', 'libld64.so.2']) t.false(isProgramLoader(name), name)
})
