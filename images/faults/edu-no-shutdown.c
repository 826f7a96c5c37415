// SPDX-License-Identifier: GPL-2.0
/*
 * A driver without shutdown(): a transfer is always under way, and an interrupt that was raised is never acknowledged.
 * The PCI core turns bus mastering off on a kexec, but the device itself is left as it is.
 */
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/version.h>
#include "edu.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync del_timer_sync
#endif

/* A transfer takes 100 ms. */
#define PERIOD msecs_to_jiffies(20)

struct busy {
	struct edu *edu;
	struct timer_list timer;
};

static struct busy busy;

static irqreturn_t busy_interrupt(int irq, void *data)
{
	return IRQ_HANDLED;
}

static void keep_busy(struct timer_list *timer)
{
	if (!edu_dma_runs(busy.edu))
		edu_start_dma(busy.edu, busy.edu->buffer_address, 0);
	mod_timer(timer, jiffies + PERIOD);
}

static int busy_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int error;

	if (busy.edu)
		return -EBUSY;
	edu = edu_open(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	error = edu_request_interrupt(pdev, edu, busy_interrupt, "edu_no_shutdown");
	if (error)
		return error;
	writel(1, edu->registers + EDU_INTERRUPT_RAISE);
	busy.edu = edu;
	timer_setup(&busy.timer, keep_busy, 0);
	mod_timer(&busy.timer, jiffies + PERIOD);
	return 0;
}

static void busy_remove(struct pci_dev *pdev)
{
	timer_delete_sync(&busy.timer);
	edu_quiesce(pdev, busy.edu);
	edu_free_interrupt(pdev, busy.edu);
	busy.edu = NULL;
}

EDU_IDS(busy_ids);

static struct pci_driver busy_driver = {
	.name = "edu_no_shutdown",
	.id_table = busy_ids,
	.probe = busy_probe,
	.remove = busy_remove,
};
module_pci_driver(busy_driver);

MODULE_DESCRIPTION("has no shutdown() and keeps its device busy");
MODULE_LICENSE("GPL");
