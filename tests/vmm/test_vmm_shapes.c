/* FreeBSD's own two shapes of iommu_ops: what their calls are given, and what becomes of their answers. */
#include "host_fixture.h"

#include <errno.h>
#include <stdio.h>

#include <iommusim/freebsd_ops.h>

/* A kernel's driver has one state: its log, what it answers, and two domains at most. */
static struct host_text written;
static uint64_t chunk; /* bytes a mapping call does at most; 0: all */
static int answer;     /* of calls that have one */
static bool no_domain;
static int domains[4];
static unsigned made;

static void begin(void)
{
	written = (struct host_text){ .length = 0 };
	chunk = 0;
	answer = 0;
	no_domain = false;
	made = 0;
}

static uint64_t part(uint64_t length)
{
	return chunk != 0 && chunk < length ? chunk : length;
}

static int do_init(void)
{
	host_text_add(&written, "init\n");
	return answer;
}

static void do_cleanup(void)
{
	host_text_add(&written, "cleanup\n");
}

static void do_enable(void)
{
	host_text_add(&written, "enable\n");
}

static void do_disable(void)
{
	host_text_add(&written, "disable\n");
}

static void *do_create_domain(uint64_t maxaddr)
{
	host_text_add(&written, "create 0x%llx\n", (unsigned long long)maxaddr);
	domains[made] = (int)made;
	return no_domain ? NULL : &domains[made++];
}

static int number(const void *domain)
{
	return *(const int *)domain;
}

static void do_destroy_domain(void *domain)
{
	host_text_add(&written, "destroy %d\n", number(domain));
}

static void say_map(const void *domain, uint64_t gpa, uint64_t hpa, uint64_t len)
{
	host_text_add(&written, "map %d 0x%llx 0x%llx 0x%llx\n", number(domain),
	    (unsigned long long)gpa, (unsigned long long)hpa, (unsigned long long)len);
}

static void say_unmap(const void *domain, uint64_t gpa, uint64_t len)
{
	host_text_add(&written, "unmap %d 0x%llx 0x%llx\n", number(domain), (unsigned long long)gpa,
	    (unsigned long long)len);
}

static uint64_t void_map(void *domain, uint64_t gpa, uint64_t hpa, uint64_t len)
{
	say_map(domain, gpa, hpa, len);
	return answer != 0 ? 0 : part(len);
}

static uint64_t void_unmap(void *domain, uint64_t gpa, uint64_t len)
{
	say_unmap(domain, gpa, len);
	return part(len);
}

static void void_add(void *domain, uint16_t rid)
{
	host_text_add(&written, "add %d %04x\n", number(domain), rid);
}

static void void_remove(void *domain, uint16_t rid)
{
	host_text_add(&written, "remove %d %04x\n", number(domain), rid);
}

static void void_invalidate(void *domain)
{
	host_text_add(&written, "invalidate %d\n", number(domain));
}

static const struct iommusim_void_ops void_ops = {
	.init = do_init,
	.cleanup = do_cleanup,
	.enable = do_enable,
	.disable = do_disable,
	.create_domain = do_create_domain,
	.destroy_domain = do_destroy_domain,
	.create_mapping = void_map,
	.remove_mapping = void_unmap,
	.add_device = void_add,
	.remove_device = void_remove,
	.invalidate_tlb = void_invalidate,
};

static int error_map(void *domain, uint64_t gpa, uint64_t hpa, uint64_t len, uint64_t *res_len)
{
	say_map(domain, gpa, hpa, len);
	*res_len = part(len); /* also of a call that fails: it means nothing then */
	return answer;
}

static int error_unmap(void *domain, uint64_t gpa, uint64_t len, uint64_t *res_len)
{
	say_unmap(domain, gpa, len);
	*res_len = part(len);
	return answer;
}

static int error_add(void *domain, void *dev, uint16_t rid)
{
	host_text_add(
	    &written, "add %d %s %04x\n", number(domain), dev == NULL ? "-" : (char *)dev, rid);
	return answer;
}

static int error_remove(void *domain, void *dev, uint16_t rid)
{
	host_text_add(
	    &written, "remove %d %s %04x\n", number(domain), dev == NULL ? "-" : (char *)dev, rid);
	return answer;
}

static int error_invalidate(void *domain)
{
	host_text_add(&written, "invalidate %d\n", number(domain));
	return answer;
}

static char ppt_device[] = "ppt1";

static void *device_of(uint16_t rid)
{
	return rid == HOST_PPT1 ? ppt_device : NULL;
}

static struct iommusim_error_ops error_ops(void)
{
	return (struct iommusim_error_ops){
		.init = do_init,
		.cleanup = do_cleanup,
		.enable = do_enable,
		.disable = do_disable,
		.create_domain = do_create_domain,
		.destroy_domain = do_destroy_domain,
		.create_mapping = error_map,
		.remove_mapping = error_unmap,
		.add_device = error_add,
		.remove_device = error_remove,
		.invalidate_tlb = error_invalidate,
		.device = device_of,
	};
}

static void start_void(struct host *host)
{
	begin();
	host_start(host,
	    &(struct host_setup){ .profile = "13.1",
		.ops = &iommusim_void_ops_shim,
		.ops_context = (void *)(uintptr_t)&void_ops });
}

static void start_errors(struct host *host, struct iommusim_error_ops *ops)
{
	begin();
	host_start(host,
	    &(struct host_setup){
		.profile = "15.0", .ops = &iommusim_error_ops_shim, .ops_context = ops });
}

/* A VM's whole life in either shape, but for the device_t. */
static void live(struct host *host)
{
	struct iommusim_vm *vm = host_vm(host, "vm", PAGE, 1);

	host_init(host);
	host_assign(vm, HOST_PPT1);
	assert_ok(iommusim_vm_destroy(vm));
	assert_ok(iommusim_vmm_unload(host->vmm));
}

static void the_void_shape_is_asked_call_by_call(void **state)
{
	struct host host;

	(void)state;
	start_void(&host);
	live(&host);
	assert_contains(written.text,
	    "init\ncreate 0x4000000\nmap 0 0x0 0x0 0x4000000\nadd 0 0010\nadd 0 00b8\nenable\n"
	    "create 0x1000\nmap 1 0x0 0x");
	assert_contains(written.text, " 0x1000\ninvalidate 0\nadd 1 0700\nremove 1 0700\n");
	assert_contains(
	    written.text, "unmap 1 0x0 0x1000\ninvalidate 1\ndestroy 1\ndisable\ndestroy 0\ncleanup\n");
	host_stop(&host);
}

static void the_shape_with_errors_gets_the_device_too(void **state)
{
	struct iommusim_error_ops ops = error_ops();
	struct host host;

	(void)state;
	start_errors(&host, &ops);
	live(&host);
	assert_contains(written.text, "add 0 - 0010\nadd 0 - 00b8\nenable\n");
	assert_contains(written.text, "add 1 ppt1 0700\nmap 1 0x0 ");
	assert_contains(written.text, "remove 1 ppt1 0700\n");
	assert_contains(written.text, "destroy 1\ndisable\ndestroy 0\ncleanup\n");
	host_stop(&host);
	ops.device = NULL;
	start_errors(&host, &ops);
	live(&host);
	assert_contains(written.text, "add 1 - 0700\n");
	host_stop(&host);
}

static void mapping_calls_that_do_a_part_are_called_again(void **state)
{
	struct iommusim_error_ops ops = error_ops();
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (unsigned shape = 0; shape < 2; shape++) {
		if (shape == 0)
			start_void(&host);
		else
			start_errors(&host, &ops);
		assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
		chunk = PAGE;
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0x8000, 2 * PAGE));
		assert_contains(written.text, "map 1 0x0 0x8000 0x2000\nmap 1 0x1000 0x9000 0x1000\n");
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0, 2 * PAGE));
		assert_contains(written.text, "unmap 1 0x0 0x2000\nunmap 1 0x1000 0x1000\n");
		host_stop(&host);
	}
}

/* The kernel would call for ever: the shim's user is told. */
static void a_void_mapping_that_does_nothing_is_an_error(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start_void(&host);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	answer = EINVAL;
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0x8000, PAGE), IOMMUSIM_EIO);
	host_stop(&host);
}

static void errors_come_back_as_statuses(void **state)
{
	static const struct {
		int error;
		enum iommusim_status status;
	} rows[] = { { EINVAL, IOMMUSIM_EINVAL }, { ENOMEM, IOMMUSIM_ENOMEM },
		{ ENOENT, IOMMUSIM_ENOENT }, { EEXIST, IOMMUSIM_EEXIST }, { ENXIO, IOMMUSIM_ENXIO },
		{ EBUSY, IOMMUSIM_EBUSY }, { EOPNOTSUPP, IOMMUSIM_EOPNOTSUPP },
		{ EFAULT, IOMMUSIM_EFAULT }, { EIO, IOMMUSIM_EIO }, { EDOM, IOMMUSIM_EIO } };
	struct iommusim_error_ops ops = error_ops();
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start_errors(&host, &ops);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(iommusim_status_of_errno(rows[i].error), rows[i].status);
		answer = rows[i].error;
		assert_status(
		    iommusim_iommu_create_mapping(host.vmm, domain, 0, 0x8000, PAGE), rows[i].status);
		assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0, PAGE), rows[i].status);
		assert_status(
		    iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), rows[i].status);
		assert_status(
		    iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1), rows[i].status);
		assert_status(iommusim_iommu_invalidate_tlb(host.vmm, domain), rows[i].status);
	}
	assert_ok(iommusim_status_of_errno(0));
	host_stop(&host);
}

static void an_init_that_fails_and_a_domain_that_is_not_made(void **state)
{
	struct iommusim_error_ops ops = error_ops();
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (unsigned shape = 0; shape < 4; shape++) {
		if (shape < 2)
			start_void(&host);
		else
			start_errors(&host, &ops);
		answer = shape % 2 == 0 ? ENXIO : 0;
		no_domain = shape % 2 != 0;
		assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain), IOMMUSIM_ENXIO);
		assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_void_shape_is_asked_call_by_call),
		cmocka_unit_test(the_shape_with_errors_gets_the_device_too),
		cmocka_unit_test(mapping_calls_that_do_a_part_are_called_again),
		cmocka_unit_test(a_void_mapping_that_does_nothing_is_an_error),
		cmocka_unit_test(errors_come_back_as_statuses),
		cmocka_unit_test(an_init_that_fails_and_a_domain_that_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
