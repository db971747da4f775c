/*
 * The layer between vmm and an IOMMU backend: which backend there is, the host's own domain, and devices that come and
 * go. What a VM does with it is vm.c's.
 */
#include <sys/cdefs.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/eventhandler.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/sysctl.h>

#include <dev/pci/pcivar.h>
#include <machine/vmm.h>

#include "vmm_mem.h"
#include "vmm_util.h"

#include "iommu.h"

SYSCTL_NODE(_hw, OID_AUTO, vmm, CTLFLAG_RW, NULL, "virtual machine monitor");
SYSCTL_NODE(_hw_vmm, OID_AUTO, iommu, CTLFLAG_RW, NULL, "IOMMU of virtual machines");

static int iommu_avail;
SYSCTL_INT(_hw_vmm_iommu, OID_AUTO, initialized, CTLFLAG_RD, &iommu_avail, 0,
    "the IOMMU is in use");

static int iommu_enable = 1;
SYSCTL_INT(_hw_vmm_iommu, OID_AUTO, enable, CTLFLAG_RDTUN, &iommu_enable, 0,
    "use the IOMMU if there is one");

static const struct iommu_ops *ops;
static bool tried;
static void *host_domain;
static eventhandler_tag add_tag, delete_tag;

static int
backend_map(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t *done)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	return (ops->create_mapping(domain, gpa, hpa, len, done));
#else
	*done = ops->create_mapping(domain, gpa, hpa, len);
	return (*done == 0 ? ENOMEM : 0);
#endif
}

static int
backend_unmap(void *domain, vm_paddr_t gpa, uint64_t len, uint64_t *done)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	return (ops->remove_mapping(domain, gpa, len, done));
#else
	*done = ops->remove_mapping(domain, gpa, len);
	return (*done == 0 ? EINVAL : 0);
#endif
}

static int
map_all(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	uint64_t at, done;
	int error;

	for (at = 0; at < len; at += done) {
		error = backend_map(domain, gpa + at, hpa + at, len - at, &done);
		if (error != 0)
			return (error);
	}
	return (0);
}

static int
unmap_all(void *domain, vm_paddr_t gpa, uint64_t len)
{
	uint64_t at, done;
	int error;

	for (at = 0; at < len; at += done) {
		error = backend_unmap(domain, gpa + at, len - at, &done);
		if (error != 0)
			return (error);
	}
	return (0);
}

int
iommu_attach_device(void *domain, device_t dev)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	return (ops->add_device(domain, dev, pci_get_rid(dev)));
#else
	ops->add_device(domain, pci_get_rid(dev));
	return (0);
#endif
}

int
iommu_detach_device(void *domain, device_t dev)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	return (ops->remove_device(domain, dev, pci_get_rid(dev)));
#else
	ops->remove_device(domain, pci_get_rid(dev));
	return (0);
#endif
}

/* A device of the host's own, not one that is kept for guests. The older calls cannot name another segment. */
static bool
is_hosts(device_t dev)
{
#if defined(HAZARD_SEGMENT_0_ONLY) || !defined(IOMMUSIM_KSHIM_ERROR_OPS)
	if (pci_get_domain(dev) != 0)
		return (false);
#endif
	return (!vmm_is_pptdev(pci_get_bus(dev), pci_get_slot(dev), pci_get_function(dev)));
}

/* Call `action` for every device of the host, until one fails. */
static int
each_host_device(int (*action)(void *domain, device_t dev))
{
	device_t *buses, *devices;
	int bus_count, device_count, error, i, j;

	error = devclass_get_devices(devclass_find("pci"), &buses, &bus_count);
	if (error != 0)
		return (error);
	for (i = 0; i < bus_count && error == 0; i++) {
		error = device_get_children(buses[i], &devices, &device_count);
		if (error != 0)
			break;
		for (j = 0; j < device_count && error == 0; j++)
			if (is_hosts(devices[j]))
				error = action(host_domain, devices[j]);
		free(devices, M_TEMP);
	}
	free(buses, M_TEMP);
	return (error);
}

static int
add_at_boot(void *domain, device_t dev)
{
	int error;

	error = iommu_attach_device(domain, dev);
	if (error == ENXIO) {
		printf("iommu: pci%d:%d:%d:%d is behind no unit\n", (int)pci_get_domain(dev),
		    pci_get_bus(dev), pci_get_slot(dev), pci_get_function(dev));
		return (0);
	}
	return (error);
}

static void
device_added(void *arg __unused, device_t dev)
{
	if (host_domain != NULL && is_hosts(dev))
		(void)iommu_attach_device(host_domain, dev);
}

static void
device_deleted(void *arg __unused, device_t dev)
{
	if (host_domain != NULL && is_hosts(dev)) {
		(void)iommu_detach_device(host_domain, dev);
		(void)IOMMU_ERROR(ops->invalidate_tlb(host_domain));
	}
}

static void
forget_backend(void)
{
	if (host_domain != NULL) {
		(void)each_host_device(iommu_detach_device);
		ops->destroy_domain(host_domain);
	}
	host_domain = NULL;
	ops->cleanup();
	ops = NULL;
	iommu_avail = 0;
}

static int
make_host_domain(void)
{
	vm_paddr_t maxaddr;
	int error;

	maxaddr = vmm_mem_maxaddr();
	host_domain = ops->create_domain(maxaddr);
	if (host_domain == NULL) {
		printf("iommu: the host's domain could not be made\n");
		return (ENXIO);
	}
#ifdef HAZARD_HOST_ERRORS_IGNORED
	(void)map_all(host_domain, 0, 0, maxaddr);
	error = 0;
#else
	error = map_all(host_domain, 0, 0, maxaddr);
#endif
	if (error == 0)
		error = each_host_device(add_at_boot);
	return (error);
}

static int
iommu_init(void)
{
	int error;

	if (!iommu_enable)
		return (ENXIO);
	if (vmm_is_intel())
		ops = &iommu_ops_intel;
	else if (vmm_is_svm())
		ops = &iommu_ops_amd;
	else
		return (ENXIO);
	error = ops->init();
	if (error != 0) {
		ops = NULL;
		return (error);
	}
#ifdef HAZARD_HALF_UNDONE
	iommu_avail = 1;
#endif
	error = make_host_domain();
	if (error != 0) {
		printf("iommu: not in use, error %d\n", error);
#ifndef HAZARD_HALF_UNDONE
		forget_backend();
#endif
		return (error);
	}
	add_tag = EVENTHANDLER_REGISTER(pci_add_device, device_added, NULL, EVENTHANDLER_PRI_ANY);
	delete_tag =
	    EVENTHANDLER_REGISTER(pci_delete_device, device_deleted, NULL, EVENTHANDLER_PRI_ANY);
	ops->enable();
	iommu_avail = 1;
	return (0);
}

void
iommu_cleanup(void)
{
	tried = false;
	if (!iommu_avail)
		return;
	EVENTHANDLER_DEREGISTER(pci_add_device, add_tag);
	EVENTHANDLER_DEREGISTER(pci_delete_device, delete_tag);
	ops->disable();
	forget_backend();
}

void *
iommu_host_domain(void)
{
	return (host_domain);
}

/* The first domain brings the IOMMU up. */
void *
iommu_create_domain(vm_paddr_t maxaddr)
{
	if (!tried) {
		tried = true;
		(void)iommu_init();
	}
	return (iommu_avail && ops != NULL ? ops->create_domain(maxaddr) : NULL);
}

void
iommu_destroy_domain(void *domain)
{
	if (iommu_avail)
		ops->destroy_domain(domain);
}

/* The shape of the answer, where a call cannot be made at all. */
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
#define RESULT(error)	return (iommu_avail ? (error) : EOPNOTSUPP)
#else
#define RESULT(error)	(void)(iommu_avail && (error))
#endif

iommu_result_t
iommu_create_mapping(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, size_t len)
{
	RESULT(map_all(domain, gpa, hpa, len));
}

iommu_result_t
iommu_remove_mapping(void *domain, vm_paddr_t gpa, size_t len)
{
	RESULT(unmap_all(domain, gpa, len));
}

#ifdef IOMMUSIM_KSHIM_ERROR_OPS
int
iommu_add_device(void *domain, device_t dev, uint16_t rid)
{
	return (iommu_avail ? ops->add_device(domain, dev, rid) : EOPNOTSUPP);
}

int
iommu_remove_device(void *domain, device_t dev, uint16_t rid)
{
	return (iommu_avail ? ops->remove_device(domain, dev, rid) : 0);
}
#else
void
iommu_add_device(void *domain, uint16_t rid)
{
	if (iommu_avail)
		ops->add_device(domain, rid);
}

void
iommu_remove_device(void *domain, uint16_t rid)
{
	if (iommu_avail)
		ops->remove_device(domain, rid);
}
#endif

iommu_result_t
iommu_invalidate_tlb(void *domain)
{
	RESULT(IOMMU_ERROR(ops->invalidate_tlb(domain)));
}
