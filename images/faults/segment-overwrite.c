// SPDX-License-Identifier: GPL-2.0
/*
 * Changes one byte of the new kernel after it was loaded, as a device that still writes into memory does. Purgatory's
 * digest does not match then, and it never starts the kernel. Without checks, anything may happen.
 */
#include <linux/io.h>
#include <linux/kexec.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static const struct kexec_segment *largest_segment(const struct kimage *image)
{
	const struct kexec_segment *largest = &image->segment[0];
	unsigned long index;

	for (index = 1; index < image->nr_segments; index++)
		if (image->segment[index].bufsz > largest->bufsz)
			largest = &image->segment[index];
	return largest;
}

/* The list of pages as relocate_kernel walks it: where the next pages go, more of the list, a page, the end. */
static u8 *find_source(const struct kimage *image, unsigned long wanted)
{
	const kimage_entry_t *entry = &image->head;
	unsigned long destination = 0;

	while (*entry && !(*entry & IND_DONE)) {
		unsigned long address = *entry & PAGE_MASK;

		if (*entry & IND_SOURCE) {
			if (destination == wanted)
				return phys_to_virt(address);
			destination += PAGE_SIZE;
		} else if (*entry & IND_DESTINATION) {
			destination = address;
		}
		entry = *entry & IND_INDIRECTION ? phys_to_virt(address) : entry + 1;
	}
	return NULL;
}

/* All other CPUs are gone and interrupts are off. Nothing may be printed: the old kernel said its last word. */
static int before_machine_kexec(struct kprobe *probe, struct pt_regs *regs)
{
	const struct kimage *image = (const void *)regs_get_kernel_argument(regs, 0);
	const struct kexec_segment *segment = largest_segment(image);
	/* The middle is neither a header nor padding. */
	u8 *page = find_source(image, (segment->mem + segment->bufsz / 2) & PAGE_MASK);

	if (page)
		*page ^= 0xff;
	return 0;
}

static struct kprobe machine_kexec_probe = {
	.symbol_name = "machine_kexec",
	.pre_handler = before_machine_kexec,
};

static int __init overwrite_init(void)
{
	return register_kprobe(&machine_kexec_probe);
}
module_init(overwrite_init);

static void __exit overwrite_exit(void)
{
	unregister_kprobe(&machine_kexec_probe);
}
module_exit(overwrite_exit);

MODULE_DESCRIPTION("changes a byte of the new kernel after it was loaded");
MODULE_LICENSE("GPL");
