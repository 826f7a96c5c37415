// SPDX-License-Identifier: GPL-2.0
/* A driver whose shutdown() takes its time, as one that waits for a link or a firmware does. */
#include <linux/module.h>
#include "edu.h"

static uint milliseconds = 5000;
module_param(milliseconds, uint, 0444);
MODULE_PARM_DESC(milliseconds, "how long shutdown() takes");

static int slow_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return PTR_ERR_OR_ZERO(edu_open(pdev));
}

static void slow_shutdown(struct pci_dev *pdev)
{
	msleep(milliseconds);
	edu_quiesce(pdev, pci_get_drvdata(pdev));
}

EDU_IDS(slow_ids);

static struct pci_driver slow_driver = {
	.name = "slow_shutdown",
	.id_table = slow_ids,
	.probe = slow_probe,
	.shutdown = slow_shutdown,
};
module_pci_driver(slow_driver);

MODULE_DESCRIPTION("has a shutdown() that takes 5 s");
MODULE_LICENSE("GPL");
