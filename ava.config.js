// Node 24 strips types itself, so AVA loads the TypeScript files as they are.
export default {
  extensions: ['ts'],
  files: ['{harness,images,qemu,suites}/**/*.test.ts'],
  workerThreads: false,
  timeout: '10m',
}
