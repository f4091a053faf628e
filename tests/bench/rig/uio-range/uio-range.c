// SPDX-License-Identifier: GPL-2.0-only
/*
 * UIO over a physical range that is given when the module is loaded: what a small UIO driver of
 * one's own would be. Debian has no uio_pdrv_genirq, and uio_pci_generic leaves out 64-bit and
 * prefetchable BARs, so that neither could be measured beside mmiod. Only for the benchmark's
 * machine: it claims nothing and asks nobody.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/uio_driver.h>

static unsigned long long phys, size;
module_param(phys, ullong, 0444);
module_param(size, ullong, 0444);

static struct platform_device *device;
static struct uio_info info = { .name = "uio-range", .version = "1", .irq = UIO_IRQ_NONE };

static int __init uio_range_init(void)
{
	int ret;

	device = platform_device_register_simple("uio-range", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	info.mem[0] = (struct uio_mem){
		.name = "range", .addr = phys, .size = size, .memtype = UIO_MEM_PHYS
	};
	ret = uio_register_device(&device->dev, &info);
	if (ret)
		platform_device_unregister(device);
	return ret;
}

static void __exit uio_range_exit(void)
{
	uio_unregister_device(&info);
	platform_device_unregister(device);
}

module_init(uio_range_init);
module_exit(uio_range_exit);
MODULE_DESCRIPTION("UIO over one physical range, for a benchmark");
MODULE_LICENSE("GPL");
