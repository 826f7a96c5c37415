// The board suites: the harness starts one AVA for each board, so that boards run in parallel and one file after another.
export default {
  extensions: ['ts'],
  files: ['suites/*.ts'],
  concurrency: 1,
  serial: true,
  // A crash of one suite must not take the others along.
  workerThreads: false,
  // Every wait has its own limit, from the descriptor.
  timeout: '24h',
}
