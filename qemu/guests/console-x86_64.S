# Boot sector for tests: writes "boot" to COM1, then obeys one letter at a time.
# r: reset. h: disable interrupts and halt. o: power off (q35 and pc, ACPI PM1a at 0x604). Any other: sends it back.
# as --32 console-x86_64.S -o p.o && ld -m elf_i386 -Ttext 0x7c00 --oformat binary p.o -o p.bin && base64 p.bin
.code16
.globl _start
_start:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  movw $greeting, %si
1:lodsb
  testb %al, %al
  jz next
  call send
  jmp 1b
next:
  movw $0x3fd, %dx
2:inb %dx, %al
  testb $1, %al
  jz 2b
  movw $0x3f8, %dx
  inb %dx, %al
  cmpb $'r', %al
  je reset
  cmpb $'h', %al
  je halt
  cmpb $'o', %al
  je off
  call send
  jmp next
send:
  movb %al, %ah
  movw $0x3fd, %dx
3:inb %dx, %al
  testb $0x20, %al
  jz 3b
  movb %ah, %al
  movw $0x3f8, %dx
  outb %al, %dx
  ret
reset:
  movb $0xfe, %al
  outb %al, $0x64
halt:
  hlt
  jmp halt
off:
  movw $0x604, %dx
  movw $0x2000, %ax
  outw %ax, %dx
  jmp halt
greeting: .asciz "boot\r\n"
.org 510
.word 0xaa55
