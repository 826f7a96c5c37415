/** The machine code of console-x86_64.S and console-arm64.S: guests for tests that start in a blink. */
import { bootDisk } from './boot-disk.ts'

/** A raw disk image for x86, a flat kernel image for arm64. */
export const consoleGuest = {
  x86_64: bootDisk(
    [
      '+vwxwI7YvlF8rITAdAXoHwDr9rr9A+yoAXT7uvgD7DxydB48aHQePG90HegCAOvjiMS6/QPsqCB0+4jguvgD7sOw/uZk9Ov9',
      'ugQGuAAg7+v0Ym9vdA0K',
    ].join(''),
  ),
  arm64: Buffer.from(
    [
      'SgQAWIEDABAgFEA4YAAANA0AAJT9//8XQhlAueL/JzdAAUA5H8gBcWABAFQfoAFxYAEAVB+8AXGAAQBUAgAAlPb//xdCGUC5',
      '4v8vN0ABADnAA1/WQAEAGAIAANTfTwPVfyAD1f///xfAAAAYAgAA1Pv//xdib290DQoAAAkAAIQIAACEAAAAAAAAAAkAAAAA',
    ].join(''),
    'base64',
  ),
}
