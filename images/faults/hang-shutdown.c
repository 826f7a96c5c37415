// SPDX-License-Identifier: GPL-2.0
/* A driver whose shutdown() waits for an answer that the device never gives. */
#include <linux/completion.h>
#include <linux/module.h>
#include "edu.h"

static DECLARE_COMPLETION(never);

static int hang_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return PTR_ERR_OR_ZERO(edu_open(pdev));
}

static void hang_shutdown(struct pci_dev *pdev)
{
	wait_for_completion(&never);
}

EDU_IDS(hang_ids);

static struct pci_driver hang_driver = {
	.name = "hang_shutdown",
	.id_table = hang_ids,
	.probe = hang_probe,
	.shutdown = hang_shutdown,
};
module_pci_driver(hang_driver);

MODULE_DESCRIPTION("has a shutdown() that never returns");
MODULE_LICENSE("GPL");
