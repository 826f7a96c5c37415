/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's educational device: a DMA engine and an interrupt, and nothing else.
 * Registers: docs/specs/edu in QEMU's source.
 */
#ifndef FAULTS_EDU_H
#define FAULTS_EDU_H

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pci.h>

#define EDU_INTERRUPT_STATUS 0x24
#define EDU_INTERRUPT_RAISE 0x60
#define EDU_INTERRUPT_ACKNOWLEDGE 0x64
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN BIT(0)
#define EDU_DMA_TO_MEMORY BIT(1)
#define EDU_DMA_INTERRUPT BIT(2)

/* The device's own memory. QEMU ends with an error when a transfer reaches its last byte. */
#define EDU_MEMORY 0x40000
#define EDU_TRANSFER 2048

struct edu {
	void __iomem *registers;
	void *buffer;
	dma_addr_t buffer_address;
};

#define EDU_IDS(table)                                  \
	static const struct pci_device_id table[] = {   \
		{ PCI_DEVICE(0x1234, 0x11e8) }, {},     \
	};                                              \
	MODULE_DEVICE_TABLE(pci, table)

/* Takes the device into use, bus mastering on. All of it is given back when the driver lets the device go. */
static inline struct edu *edu_open(struct pci_dev *pdev)
{
	struct edu *edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	int error;

	if (!edu)
		return ERR_PTR(-ENOMEM);
	error = pcim_enable_device(pdev);
	if (error)
		return ERR_PTR(error);
	/* QEMU's edu reaches 28 bits unless it is told otherwise: dma_mask=0xffffffff. */
	error = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (error)
		return ERR_PTR(error);
	edu->registers = pcim_iomap(pdev, 0, 0);
	edu->buffer = dmam_alloc_coherent(&pdev->dev, PAGE_SIZE, &edu->buffer_address, GFP_KERNEL);
	if (!edu->registers || !edu->buffer)
		return ERR_PTR(-ENOMEM);
	pci_set_drvdata(pdev, edu);
	pci_set_master(pdev);
	return edu;
}

/* Message-signalled, so that an interrupt that nobody acknowledges is raised once and not for ever. */
static inline int edu_request_interrupt(struct pci_dev *pdev, struct edu *edu, irq_handler_t handler, const char *name)
{
	int error = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);

	if (error < 0)
		return error;
	error = request_irq(pci_irq_vector(pdev, 0), handler, 0, name, edu);
	if (error)
		pci_free_irq_vectors(pdev);
	return error;
}

static inline void edu_free_interrupt(struct pci_dev *pdev, struct edu *edu)
{
	free_irq(pci_irq_vector(pdev, 0), edu);
	pci_free_irq_vectors(pdev);
}

static inline bool edu_dma_runs(struct edu *edu)
{
	return readl(edu->registers + EDU_DMA_COMMAND) & EDU_DMA_RUN;
}

static inline void edu_transfer(struct edu *edu, u64 from, u64 to, u32 flags)
{
	writeq(from, edu->registers + EDU_DMA_SOURCE);
	writeq(to, edu->registers + EDU_DMA_DESTINATION);
	writeq(EDU_TRANSFER, edu->registers + EDU_DMA_COUNT);
	writeq(EDU_DMA_RUN | flags, edu->registers + EDU_DMA_COMMAND);
}

/* Starts one transfer from the device into memory. It takes place 100 ms later and is over then. */
static inline void edu_start_dma(struct edu *edu, u64 address, u32 flags)
{
	edu_transfer(edu, EDU_MEMORY, address, EDU_DMA_TO_MEMORY | flags);
}

static inline void edu_wait(struct edu *edu)
{
	unsigned long limit = jiffies + 5 * HZ;

	while (edu_dma_runs(edu) && time_before(jiffies, limit))
		msleep(20);
}

/* Copies the buffer into the device, from where later transfers take it. */
static inline void edu_fill_device(struct edu *edu)
{
	edu_transfer(edu, edu->buffer_address, EDU_MEMORY, 0);
	edu_wait(edu);
}

/* What a driver owes the next kernel: no transfer under way, no interrupt pending, no bus mastering. */
static inline void edu_quiesce(struct pci_dev *pdev, struct edu *edu)
{
	edu_wait(edu);
	writel(readl(edu->registers + EDU_INTERRUPT_STATUS), edu->registers + EDU_INTERRUPT_ACKNOWLEDGE);
	pci_clear_master(pdev);
}

#endif
