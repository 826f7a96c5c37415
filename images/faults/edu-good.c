// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that does everything right: it transfers and takes interrupts as long as it is in use, and its shutdown()
 * ends both. Nothing may be found here.
 */
#include <linux/module.h>
#include <linux/workqueue.h>
#include "edu.h"

static struct edu *good;
static struct delayed_work work;

static irqreturn_t good_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->registers + EDU_INTERRUPT_STATUS);

	writel(status, edu->registers + EDU_INTERRUPT_ACKNOWLEDGE);
	return status ? IRQ_HANDLED : IRQ_NONE;
}

static void transfer(struct work_struct *unused)
{
	if (!edu_dma_runs(good))
		edu_start_dma(good, good->buffer_address, EDU_DMA_INTERRUPT);
	schedule_delayed_work(&work, msecs_to_jiffies(200));
}

static int good_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int error;
	struct edu *edu;

	if (good)
		return -EBUSY;
	edu = edu_open(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	error = edu_request_interrupt(pdev, edu, good_interrupt, "edu_good");
	if (error)
		return error;
	good = edu;
	INIT_DELAYED_WORK(&work, transfer);
	schedule_delayed_work(&work, 0);
	return 0;
}

static void good_stop(struct pci_dev *pdev)
{
	cancel_delayed_work_sync(&work);
	edu_quiesce(pdev, good);
	edu_free_interrupt(pdev, good);
	good = NULL;
}

EDU_IDS(good_ids);

static struct pci_driver good_driver = {
	.name = "edu_good",
	.id_table = good_ids,
	.probe = good_probe,
	.remove = good_stop,
	.shutdown = good_stop,
};
module_pci_driver(good_driver);

MODULE_DESCRIPTION("a driver that does everything right");
MODULE_LICENSE("GPL");
