// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose shutdown() is right, but which starts the device again on the very last steps to the new kernel, as
 * firmware or another driver's late callback may: bus mastering is on, and a transfer into memory is under way.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include "edu.h"

static unsigned long long target;
module_param(target, ullong, 0444);
MODULE_PARM_DESC(target, "physical address to write to; 0: memory of the driver's own");

#define PATTERN 0xed

static struct pci_dev *device;

/* All other CPUs are gone and interrupts are off. Nothing may be printed: the old kernel said its last word. */
static int before_machine_kexec(struct kprobe *probe, struct pt_regs *regs)
{
	struct edu *edu;
	u16 command;

	if (!device)
		return 0;
	edu = pci_get_drvdata(device);
	pci_read_config_word(device, PCI_COMMAND, &command);
	/* Its interrupt line may be shared, and would then trouble other drivers of the new kernel. */
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
	pci_write_config_word(device, PCI_COMMAND, command);
	/* Where relocation takes longer than the transfer, the interrupt still tells that the device was left at work. */
	edu_start_dma(edu, target ? target : edu->buffer_address, EDU_DMA_INTERRUPT);
	return 0;
}

static struct kprobe machine_kexec_probe = {
	.symbol_name = "machine_kexec",
	.pre_handler = before_machine_kexec,
};

static int rearm_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;

	if (device)
		return -EBUSY;
	edu = edu_open(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	/* What it will write can be told from memory that was merely cleared. */
	memset(edu->buffer, PATTERN, EDU_TRANSFER);
	edu_fill_device(edu);
	memset(edu->buffer, 0, EDU_TRANSFER);
	device = pdev;
	return 0;
}

static void rearm_remove(struct pci_dev *pdev)
{
	device = NULL;
	edu_quiesce(pdev, pci_get_drvdata(pdev));
}

static void rearm_shutdown(struct pci_dev *pdev)
{
	edu_quiesce(pdev, pci_get_drvdata(pdev));
}

EDU_IDS(rearm_ids);

static struct pci_driver rearm_driver = {
	.name = "edu_rearm",
	.id_table = rearm_ids,
	.probe = rearm_probe,
	.remove = rearm_remove,
	.shutdown = rearm_shutdown,
};

static int __init rearm_init(void)
{
	int error = register_kprobe(&machine_kexec_probe);

	if (error)
		return error;
	error = pci_register_driver(&rearm_driver);
	if (error)
		unregister_kprobe(&machine_kexec_probe);
	return error;
}
module_init(rearm_init);

static void __exit rearm_exit(void)
{
	unregister_kprobe(&machine_kexec_probe);
	pci_unregister_driver(&rearm_driver);
}
module_exit(rearm_exit);

MODULE_DESCRIPTION("starts a transfer into memory in machine_kexec()");
MODULE_LICENSE("GPL");
