import test from 'ava'
import { LabError } from '../../errors.ts'
import { loginStageSchema, runLogin } from './login.ts'
import { simulatedBoard } from './simulated-board-fixture.ts'

const variable = 'KEXEC_HARNESS_LOGIN_TEST'
const password = 'correct horse'
process.env[variable] = password
const stage = (more: object = {}) =>
  loginStageSchema.parse({ type: 'login', password: { env: variable }, limit: '20s', ...more })

/** login of util-linux, which hides the password or does not. */
function login({ shows = false, accepts = password } = {}) {
  let line = ''
  let asksPassword = false
  const board = simulatedBoard((piece, say) => {
    for (const character of piece) {
      if (!asksPassword || shows) say(character === '\n' ? '\r\n' : character)
      if (character !== '\n') {
        line += character
        continue
      }
      if (asksPassword)
        say(line === accepts ? '\r\nLast login: Sat\r\nroot@juno:~# ' : '\r\nLogin incorrect\r\njuno login: ')
      else say('Password: ')
      asksPassword = !asksPassword
      line = ''
    }
  })
  board.say('Debian GNU/Linux 12 juno ttyAMA0\r\n\r\njuno login: ')
  return board
}

test('the password is typed where it is asked for', async (t) => {
  const board = login()
  const position = await runLogin(stage(), board.context())
  t.is(board.typed(), `root\n${password}\n`)
  t.is(board.console.since(position), ' \r\nLast login: Sat\r\nroot@juno:~# ')
})

test('a refused login names where the password came from, and not the password', async (t) => {
  const error = await t.throwsAsync(runLogin(stage(), login({ accepts: 'another' }).context()), {
    instanceOf: LabError,
  })
  t.is(
    error!.message,
    `login refused root, whose password is in the environment variable ${variable}: it said "Login incorrect"`,
  )
})

for (const accepts of [password, 'another'])
  test(`a password that is shown is told and not shown again (${accepts})`, async (t) => {
    const error = await t.throwsAsync(runLogin(stage(), login({ shows: true, accepts }).context()), {
      instanceOf: LabError,
    })
    t.regex(error!.message, /^login showed the password of root on the console when it was typed$/)
    t.false(JSON.stringify([error, error!.cause ?? '']).includes(password))
  })

test('a password that never gets an answer is not in the error', async (t) => {
  const board = simulatedBoard((piece, say) => say(piece === 'root\n' ? 'root\r\nPassword: ' : piece))
  board.say('juno login: ')
  const error = await t.throwsAsync(runLogin(stage({ limit: '1s' }), board.context()), {
    instanceOf: LabError,
  })
  t.false(`${error!.message}${error!.stack}`.includes(password))
})

test('a password that the descriptor does not have is missed', async (t) => {
  const error = await t.throwsAsync(
    runLogin(loginStageSchema.parse({ type: 'login', user: 'lab' }), login().context()),
    { instanceOf: LabError },
  )
  t.is(error!.message, 'login asks for the password of lab, and the descriptor names none')
})

test('a user without a password is in at once', async (t) => {
  const board = simulatedBoard((piece, say) => say(`${piece.trim()}\r\nLast login: Sat\r\n# `))
  board.say('juno login: ')
  const position = await runLogin(loginStageSchema.parse({ type: 'login' }), board.context())
  t.is(board.console.since(position), ' root\r\nLast login: Sat\r\n# ')
})
