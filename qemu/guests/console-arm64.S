// Flat image for tests on machine virt (loaded by -kernel): writes "boot" to the PL011, then obeys one letter
// at a time. r: PSCI SYSTEM_RESET. h: mask interrupts and wait. o: PSCI SYSTEM_OFF. Any other: sends it back.
// aarch64-linux-gnu-as console-arm64.S -o p.o && aarch64-linux-gnu-ld -Ttext 0x40080000 p.o -o p
// aarch64-linux-gnu-objcopy -O binary p p.bin
.globl _start
_start:
  ldr x10, =0x09000000
  adr x1, greeting
1:ldrb w0, [x1], #1
  cbz w0, next
  bl send
  b 1b
next:
  ldr w2, [x10, #0x18]
  tbnz w2, #4, next
  ldrb w0, [x10]
  cmp w0, #'r'
  b.eq reset
  cmp w0, #'h'
  b.eq halt
  cmp w0, #'o'
  b.eq off
  bl send
  b next
send:
  ldr w2, [x10, #0x18]
  tbnz w2, #5, send
  strb w0, [x10]
  ret
reset:
  ldr w0, =0x84000009
  hvc #0
halt:
  msr daifset, #0xf
2:wfi
  b 2b
off:
  ldr w0, =0x84000008
  hvc #0
  b halt
greeting: .asciz "boot\r\n"
