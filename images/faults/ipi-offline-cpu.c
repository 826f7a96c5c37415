// SPDX-License-Identifier: GPL-2.0
/*
 * On the way to a kexec, takes a CPU offline and then sends it a reschedule interrupt, as code does that keeps a list of
 * CPUs of its own. x86 warns of it, arm64 says nothing.
 */
#include <linux/cpu.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>

static uint cpu = 1;
module_param(cpu, uint, 0444);
MODULE_PARM_DESC(cpu, "the CPU that goes offline");

static void (*send_reschedule)(int cpu);

static int before_restart(struct notifier_block *block, unsigned long action, void *data)
{
	if (action == SYS_RESTART && remove_cpu(cpu) == 0)
		send_reschedule(cpu);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = before_restart,
};

#ifdef CONFIG_X86

static int __init find_send_reschedule(void)
{
	send_reschedule = smp_ops.smp_send_reschedule;
	return 0;
}

#else

/* arm64 does not export it. Its name is smp_send_reschedule before 6.4, and is that of a macro after. */
static int __init find_send_reschedule(void)
{
	static const char *const names[] = { "arch_smp_send_reschedule", "smp_send_reschedule" };
	int index, error = -ENOENT;

	for (index = 0; index < ARRAY_SIZE(names); index++) {
		struct kprobe probe = { .symbol_name = names[index] };

		error = register_kprobe(&probe);
		if (error)
			continue;
		send_reschedule = (void *)probe.addr;
		unregister_kprobe(&probe);
		break;
	}
	return error;
}

#endif

static int __init ipi_init(void)
{
	int error;

	if (cpu == 0 || cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		pr_err("ipi-offline-cpu: there is no CPU %u that could go offline\n", cpu);
		return -ENODEV;
	}
	error = find_send_reschedule();
	if (error)
		return error;
	return register_reboot_notifier(&notifier);
}
module_init(ipi_init);

static void __exit ipi_exit(void)
{
	unregister_reboot_notifier(&notifier);
}
module_exit(ipi_exit);

MODULE_DESCRIPTION("sends a reschedule interrupt to a CPU that is offline");
MODULE_LICENSE("GPL");
