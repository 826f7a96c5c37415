// SPDX-License-Identifier: GPL-2.0
/*
 * A network driver that goes on receiving across a kexec: its shutdown() does nothing but hide the device from the PCI
 * core (see edu-d3cold.c). Each frame that arrives is written to memory that now belongs to the new kernel.
 * With `target` the descriptors are moved, on the very last steps, to memory that neither kernel uses: it then receives
 * for as long as the new kernel lets it, also where an IOMMU was in use, and nothing but that memory is written to.
 * Registers and legacy receive descriptors: Intel 82574 data sheet, 7.1.4 and 10.2.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/timer.h>
#include <linux/delay.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync del_timer_sync
#endif

#define CTRL 0x0000
#define CTRL_SET_LINK_UP BIT(6)
#define CTRL_RESET BIT(26)
#define IMC 0x00d8
#define RCTL 0x0100
#define RCTL_ENABLE BIT(1)
#define RCTL_UNICAST_PROMISCUOUS BIT(3)
#define RCTL_MULTICAST_PROMISCUOUS BIT(4)
#define RCTL_BROADCAST BIT(15)
#define RDBAL 0x2800
#define RDBAH 0x2804
#define RDLEN 0x2808
#define RDH 0x2810
#define RDT 0x2818
#define WUC 0x5800
#define WUFC 0x5808

#define DESCRIPTORS 4096
#define BUFFER_BYTES 2048
/* The descriptors share this much memory; a frame may overwrite an older one. */
#define BUFFERS_BYTES (64 * 1024)
#define RING_BYTES (DESCRIPTORS * sizeof(struct descriptor))

struct descriptor {
	__le64 address;
	__le64 status;
};

static unsigned long long target;
module_param(target, ullong, 0444);
MODULE_PARM_DESC(target, "physical address of 64 KiB to receive into, and of 64 KiB of descriptors behind it; 0: memory of the driver's own");

static void __iomem *registers;
static struct descriptor *ring, *target_ring;
static struct timer_list timer;

static void fill(struct descriptor *ring, u64 address)
{
	int index;

	for (index = 0; index < DESCRIPTORS; index++)
		WRITE_ONCE(ring[index].address, cpu_to_le64(address + index * BUFFER_BYTES % BUFFERS_BYTES));
}

static void receive_with(u64 ring_address)
{
	writel(lower_32_bits(ring_address), registers + RDBAL);
	writel(upper_32_bits(ring_address), registers + RDBAH);
	writel(RING_BYTES, registers + RDLEN);
	writel(0, registers + RDH);
	writel(DESCRIPTORS - 1, registers + RDT);
	writel(RCTL_ENABLE | RCTL_UNICAST_PROMISCUOUS | RCTL_MULTICAST_PROMISCUOUS | RCTL_BROADCAST,
	       registers + RCTL);
}

/* All other CPUs are gone, interrupts are off, and so is the IOMMU. */
static int before_machine_kexec(struct kprobe *probe, struct pt_regs *regs)
{
	if (!registers || !target_ring)
		return 0;
	writel(0, registers + RCTL);
	fill(target_ring, target);
	receive_with(target + BUFFERS_BYTES);
	return 0;
}

static struct kprobe machine_kexec_probe = {
	.symbol_name = "machine_kexec",
	.pre_handler = before_machine_kexec,
};

/* Gives the received descriptors back, so that the ring is empty when the kexec comes. */
static void refill(struct timer_list *unused)
{
	writel((readl(registers + RDH) + DESCRIPTORS - 1) % DESCRIPTORS, registers + RDT);
	mod_timer(&timer, jiffies + msecs_to_jiffies(20));
}

static int left_on_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	dma_addr_t ring_address, buffers;
	void __iomem *mapped;
	int error;

	if (registers)
		return -EBUSY;
	error = pcim_enable_device(pdev);
	if (error)
		return error;
	error = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	mapped = pcim_iomap(pdev, 0, 0);
	ring = dmam_alloc_coherent(&pdev->dev, RING_BYTES, &ring_address, GFP_KERNEL);
	if (!mapped || !ring || !dmam_alloc_coherent(&pdev->dev, BUFFERS_BYTES, &buffers, GFP_KERNEL))
		return -ENOMEM;
	fill(ring, buffers);
	registers = mapped;
	pci_set_master(pdev);

	writel(readl(registers + CTRL) | CTRL_RESET, registers + CTRL);
	msleep(20);
	writel(~0, registers + IMC);
	writel(0, registers + WUC);
	writel(0, registers + WUFC);
	writel(readl(registers + CTRL) | CTRL_SET_LINK_UP, registers + CTRL);
	receive_with(ring_address);
	timer_setup(&timer, refill, 0);
	mod_timer(&timer, jiffies);
	return 0;
}

static void left_on_remove(struct pci_dev *pdev)
{
	timer_delete_sync(&timer);
	writel(0, registers + RCTL);
	pci_clear_master(pdev);
	registers = NULL;
}

static void left_on_shutdown(struct pci_dev *pdev)
{
	pdev->current_state = PCI_D3cold;
}

static const struct pci_device_id left_on_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x10d3) }, {},
};
MODULE_DEVICE_TABLE(pci, left_on_ids);

static struct pci_driver left_on_driver = {
	.name = "e1000e_left_on",
	.id_table = left_on_ids,
	.probe = left_on_probe,
	.remove = left_on_remove,
	.shutdown = left_on_shutdown,
};

static int __init left_on_init(void)
{
	int error;

	if (target) {
		/* Memory of the kernel's own must not be overwritten. */
		if (region_intersects(target, BUFFERS_BYTES + RING_BYTES, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
		    REGION_DISJOINT)
			return -EINVAL;
		target_ring = memremap(target + BUFFERS_BYTES, RING_BYTES, MEMREMAP_WB);
		if (!target_ring)
			return -ENOMEM;
	}
	error = register_kprobe(&machine_kexec_probe);
	if (error)
		goto unmap;
	error = pci_register_driver(&left_on_driver);
	if (!error)
		return 0;
	unregister_kprobe(&machine_kexec_probe);
unmap:
	if (target_ring)
		memunmap(target_ring);
	return error;
}

static void __exit left_on_exit(void)
{
	pci_unregister_driver(&left_on_driver);
	unregister_kprobe(&machine_kexec_probe);
	if (target_ring)
		memunmap(target_ring);
}

module_init(left_on_init);
module_exit(left_on_exit);

MODULE_DESCRIPTION("goes on receiving across a kexec");
MODULE_LICENSE("GPL");
