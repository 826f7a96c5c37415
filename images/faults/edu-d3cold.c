// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose shutdown() says that the device has no power any more, which is not true. The PCI core then does not
 * touch the device and leaves bus mastering on (pci_device_shutdown() in drivers/pci/pci-driver.c).
 */
#include <linux/module.h>
#include "edu.h"

static int d3cold_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return PTR_ERR_OR_ZERO(edu_open(pdev));
}

static void d3cold_shutdown(struct pci_dev *pdev)
{
	pdev->current_state = PCI_D3cold;
}

EDU_IDS(d3cold_ids);

static struct pci_driver d3cold_driver = {
	.name = "edu_d3cold",
	.id_table = d3cold_ids,
	.probe = d3cold_probe,
	.shutdown = d3cold_shutdown,
};
module_pci_driver(d3cold_driver);

MODULE_DESCRIPTION("leaves bus mastering on across a kexec");
MODULE_LICENSE("GPL");
