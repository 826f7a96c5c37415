/** The machine code of probe-x86_64.S and probe-arm64.S, which say what it does and how to assemble it. */
import { bootDisk } from './boot-disk.ts'

/** A raw disk image for x86, a flat kernel image for arm64. */
export const probeGuest = {
  x86_64: bootDisk(
    [
      '+vwxwI7YjsCO0LwAfL8AELkAIPOrxwYAEAMgxwYAIAMwvwAwZriDAAAAZokFZgUAACAAg8cIgf+AMHXuZrgAEAAADyLYDyDg',
      'ZoPIIA8i4Ga5gAAAwA8yZg0AAQAADzAPARbQfA8BHtZ8DyDAZg0BAACADyLA6np8CAC4s3wAAL8wQAAAZokHZsdHAggAZsdH',
      'BACOwegQZolHBrpkAAAAvwAAEAC5AAABAPOr/8p18Mz06/1muvQAsCru9Ov9Dx8AAAAAAAAAAAAAAAAAAJogAA8AwHwAAP8P',
      'AEA=',
    ].join(''),
  ),
  arm64: Buffer.from(
    [
      'AAQAWCEEAFgBAAD5IQQAWAEEAPmfPwPVAQQAWAGiGNUBBABYQSAY1QAgGNXfPwPVH4cI1Z8/A9XfPwPVARA41SEAQLIBEBjV',
      '3z8D1YMMgNLAAgBYAgCQ0gOEAPhCBADxwf//VGMEAPFB//9UgAAAGAIAANR/IAPV////FwgAAIQAABBAAAAAAAUEAAAAAGAA',
      'AQcAQAAAAAAE/wAAAAAAABk1gAACAAAAAAAgQAAAAAA=',
    ].join(''),
    'base64',
  ),
}
