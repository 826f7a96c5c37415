// Flat image that proves that a virtual CPU runs what a Linux kernel needs: the MMU on, memory, PSCI.
// It ends QEMU with PSCI SYSTEM_OFF (exit status 0). Machine virt, loaded by -kernel.
// aarch64-linux-gnu-as probe-arm64.S -o p.o && aarch64-linux-gnu-ld -Ttext 0x40080000 p.o -o p
// aarch64-linux-gnu-objcopy -O binary p p.bin
.globl _start
_start:
  // One table of 1 GiB blocks at 0x40100000: 0 is devices, 0x40000000 is RAM.
  ldr x0, =0x40100000
  ldr x1, =0x0060000000000405
  str x1, [x0]
  ldr x1, =0x0000000040000701
  str x1, [x0, #8]
  dsb sy
  ldr x1, =0x000000000000ff04
  msr mair_el1, x1
  // 39 bits of address, 4 KiB granule, 40 bits physical, TTBR1 walks off.
  ldr x1, =0x0000000200803519
  msr tcr_el1, x1
  msr ttbr0_el1, x0
  isb
  tlbi vmalle1
  dsb sy
  isb
  mrs x1, sctlr_el1
  orr x1, x1, #1
  msr sctlr_el1, x1
  isb
  // 100 times over 256 KiB.
  mov x3, #100
1:ldr x0, =0x40200000
  mov x2, #0x8000
2:str x3, [x0], #8
  subs x2, x2, #1
  b.ne 2b
  subs x3, x3, #1
  b.ne 1b
  ldr w0, =0x84000008
  hvc #0
3:wfi
  b 3b
