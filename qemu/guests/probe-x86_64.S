# Boot sector that proves that a virtual CPU runs what a Linux kernel needs: long mode with paging, an
# exception through the IDT, and port output. Real mode alone proves nothing: some nested KVMs run the BIOS
# and hang at the first protected-mode code. It ends QEMU through isa-debug-exit with exit status 85.
# as --64 probe-x86_64.S -o p.o && ld -Ttext 0x7c00 --oformat binary p.o -o p.bin && base64 p.bin
.code16
.globl _start
_start:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movw $0x7c00, %sp
  # Page tables at 0x1000 (level 4), 0x2000 (level 3), 0x3000 (level 2: 16 pages of 2 MiB), IDT at 0x4000.
  movw $0x1000, %di
  movw $0x2000, %cx
  rep stosw
  movw $0x2003, 0x1000
  movw $0x3003, 0x2000
  movw $0x3000, %di
  movl $0x83, %eax
1:movl %eax, (%di)
  addl $0x200000, %eax
  addw $8, %di
  cmpw $0x3080, %di
  jne 1b
  movl $0x1000, %eax
  movl %eax, %cr3
  movl %cr4, %eax
  orl $0x20, %eax
  movl %eax, %cr4
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x100, %eax
  wrmsr
  lgdt gdtr
  lidt idtr
  movl %cr0, %eax
  orl $0x80000001, %eax
  movl %eax, %cr0
  ljmp $8, $long

.code64
long:
  movl $breakpoint, %eax
  movl $0x4030, %edi
  movw %ax, (%rdi)
  movw $8, 2(%rdi)
  movw $0x8e00, 4(%rdi)
  shrl $16, %eax
  movw %ax, 6(%rdi)
  # 100 times over 256 KiB.
  movl $100, %edx
2:movl $0x100000, %edi
  movl $0x10000, %ecx
  rep stosl
  decl %edx
  jnz 2b
  int3
3:hlt
  jmp 3b
breakpoint:
  movw $0xf4, %dx
  movb $0x2a, %al
  outb %al, %dx
4:hlt
  jmp 4b

.align 8
gdt: .quad 0, 0x00209a0000000000
gdtr:.word 15
  .long gdt
idtr:.word 0xfff
  .long 0x4000
.org 510
.word 0xaa55
