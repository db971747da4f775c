/*
 * The virtual command interface (VT-d 11.4.16): which commands there are, PASIDs that are handed out and
 * given back, status codes, and the time between a command and its response.
 */
#include <stdlib.h>

#include "vtd_fixture.h"

#define CAP_FRO_700 (UINT64_C(0x70) << 24)
#define ECAP_VCS    BIT(44)
#define PSS(bits)   (((uint64_t)(bits)-1) << 35)

enum { VCMD = 0xe00, VCMD_EO = 0xe08, VCRSP = 0xe10, VCCAP = 0xe30 };
enum { NS = 1, PAS = 2, FPS = 4 };

/* VCRSP: IP in bit 0, SC in 7:1, RSLT in 63:16. */
#define IN_PROGRESS 1u
#define DONE        (0u << 1)
#define UNDEFINED   (1u << 1)
#define FAILED      (16u << 1)

/* A machine with one unit of `wanted`, whose base, version, CAP and host address width are filled in. */
static void start(struct vtd_fixture *vtd, struct iommusim_vtd_config wanted,
    const struct iommusim_allocator *allocator)
{
	const struct iommusim_machine_config machine = { .allocator = allocator };

	memset(vtd, 0, sizeof(*vtd));
	wanted.base = VTD_BASE;
	wanted.version = 0x10;
	wanted.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700;
	wanted.ext_capability |= VTD_DEFAULT_ECAP;
	wanted.host_address_width = VTD_HAW;
	assert_int_equal(iommusim_machine_create(&machine, &vtd->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd->machine, &wanted, &vtd->unit), IOMMUSIM_OK);
}

/* A unit with every command and PASIDs of `bits` bits. */
static void start_with_pasids(struct vtd_fixture *vtd, unsigned bits)
{
	start(vtd,
	    (struct iommusim_vtd_config){
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(bits),
		.virtual_capability = NS | PAS | FPS,
	    },
	    NULL);
}

static uint64_t command(struct vtd_fixture *vtd, uint64_t written)
{
	vt_set64(vtd, VCMD, written);
	return vt_get64(vtd, VCRSP);
}

static uint64_t null_command(struct vtd_fixture *vtd)
{
	return command(vtd, 0);
}

static uint64_t allocate(struct vtd_fixture *vtd)
{
	return command(vtd, 1);
}

static uint64_t release(struct vtd_fixture *vtd, uint64_t pasid)
{
	return command(vtd, 2 | pasid << 16);
}

static uint64_t got(uint64_t pasid)
{
	return pasid << 16 | DONE;
}

static void a_unit_that_reports_no_command_has_none(void **state)
{
	const struct iommusim_vtd_config config = {
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, config, NULL);
	assert_int_equal(vt_get64(&vtd, VCCAP), 0);
	for (unsigned number = 0; number < 256; number++)
		assert_int_equal(command(&vtd, number), UNDEFINED);
	vt_stop(&vtd);
}

static void each_command_is_there_when_its_bit_of_VCCAP_is(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	for (uint64_t set = 1; set < 8; set++) {
		const struct iommusim_vtd_config config = {
			.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
			.virtual_capability = set,
		};

		start(&vtd, config, NULL);
		assert_int_equal(vt_get64(&vtd, VCCAP), set);
		vt_set64(&vtd, VCCAP, UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, VCCAP), set);
		assert_int_equal(null_command(&vtd), set & NS ? DONE : UNDEFINED);
		assert_int_equal(allocate(&vtd), set & PAS ? got(1) : UNDEFINED);
		assert_int_equal(release(&vtd, 1),
		    !(set & FPS)    ? UNDEFINED
			: set & PAS ? DONE
				    : FAILED);
		for (unsigned number = 3; number < 256; number++)
			assert_int_equal(command(&vtd, number), UNDEFINED);
		vt_stop(&vtd);
	}
}

static void every_pasid_but_0_is_handed_out_once(void **state)
{
	bool seen[1 << 7] = { true };
	struct vtd_fixture vtd;
	uint64_t response;

	(void)state;
	start_with_pasids(&vtd, 7);
	for (unsigned i = 1; i < 1 << 7; i++) {
		response = allocate(&vtd);
		assert_int_equal(response & 0xffff, DONE);
		response >>= 16;
		assert_in_range(response, 1, (1 << 7) - 1);
		assert_false(seen[response]);
		seen[response] = true;
	}
	assert_int_equal(allocate(&vtd), FAILED); /* none available; the result is reserved, 0 here */
	assert_int_equal(release(&vtd, 100), DONE);
	assert_int_equal(release(&vtd, 70), DONE);
	assert_int_equal(allocate(&vtd), got(70)); /* the lowest, at once */
	assert_int_equal(allocate(&vtd), got(100));
	assert_int_equal(allocate(&vtd), FAILED);
	vt_stop(&vtd);
}

static void only_an_allocated_pasid_can_be_freed(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with_pasids(&vtd, 4);
	assert_int_equal(release(&vtd, 1), FAILED); /* before any was */
	assert_int_equal(allocate(&vtd), got(1));
	assert_int_equal(release(&vtd, 0), FAILED);
	assert_int_equal(release(&vtd, 2), FAILED);
	assert_int_equal(release(&vtd, 16), FAILED); /* beyond ECAP.PSS */
	assert_int_equal(release(&vtd, 0xfffff), FAILED);
	assert_int_equal(release(&vtd, 1), DONE);
	assert_int_equal(release(&vtd, 1), FAILED);
	assert_int_equal(allocate(&vtd), got(1));
	/* Bits 63:36 of the command are not looked at. */
	assert_int_equal(command(&vtd, UINT64_C(0xfffffff000000000) | 1 << 16 | 2), DONE);
	vt_stop(&vtd);
}

/* PASIDs have 20 bits, whatever PSS could say. */
static void a_pasid_has_at_most_20_bits(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with_pasids(&vtd, 32);
	assert_int_equal(allocate(&vtd), got(1));
	assert_int_equal(release(&vtd, 0xfffff), FAILED);
	assert_int_equal(release(&vtd, 0x100001), DONE); /* bit 36 is unused: PASID 1 */
	vt_stop(&vtd);
}

static void the_half_with_the_command_starts_it(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start_with_pasids(&vtd, 20);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(allocate(&vtd), got(i));
	vt_set32(&vtd, VCMD + 4, 0);
	assert_int_equal(vt_get64(&vtd, VCRSP), got(3));
	vt_set32(&vtd, VCMD, 2 << 16 | 2);
	assert_int_equal(vt_get64(&vtd, VCRSP), DONE);
	assert_int_equal(vt_get64(&vtd, VCMD), 2 << 16 | 2); /* RW */
	vt_set64(&vtd, VCRSP, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, VCRSP), DONE);
	assert_int_equal(allocate(&vtd), got(2));
	vt_stop(&vtd);
}

static void a_command_takes_the_latency_of_the_unit(void **state)
{
	const struct iommusim_vtd_config config = {
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
		.virtual_capability = PAS | FPS,
		.settings.latency = 100,
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, config, NULL);
	vt_set64(&vtd, VCMD_EO, 0x1111);
	assert_int_equal(allocate(&vtd), IN_PROGRESS);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, VCRSP), got(1));
	/* The next one clears the response, and drops what is written while it is in progress. */
	assert_int_equal(allocate(&vtd), IN_PROGRESS);
	vt_set64(&vtd, VCMD, 1 << 16 | 2);
	vt_set32(&vtd, VCMD, 2);
	vt_set32(&vtd, VCMD + 4, 7);
	vt_set64(&vtd, VCMD_EO, 0x2222);
	vt_set32(&vtd, VCMD_EO + 4, 0x2222);
	assert_int_equal(vt_get64(&vtd, VCMD), 1);
	assert_int_equal(vt_get64(&vtd, VCMD_EO), 0x1111);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, VCRSP), got(2));
	vt_set64(&vtd, VCMD_EO, 0x2222);
	assert_int_equal(vt_get64(&vtd, VCMD_EO), 0x2222);
	assert_int_equal(release(&vtd, 1), IN_PROGRESS);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, VCRSP), DONE);
	vt_stop(&vtd);
}

static void a_reset_ends_the_command_and_frees_every_pasid(void **state)
{
	const struct iommusim_vtd_config config = {
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
		.virtual_capability = PAS | FPS,
		.settings.latency = 100,
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, config, NULL);
	for (unsigned i = 0; i < 70; i++) {
		allocate(&vtd);
		iommusim_step(vtd.machine, 100);
	}
	assert_int_equal(vt_get64(&vtd, VCRSP), got(70));
	assert_int_equal(allocate(&vtd), IN_PROGRESS);
	iommusim_unit_reset(vtd.unit, false);
	assert_int_equal(vt_get64(&vtd, VCRSP), 0);
	iommusim_step(vtd.machine, 100);
	assert_int_equal(vt_get64(&vtd, VCRSP), 0);
	for (unsigned i = 1; i <= 70; i++) {
		allocate(&vtd);
		iommusim_step(vtd.machine, 100);
		assert_int_equal(vt_get64(&vtd, VCRSP), got(i));
	}
	vt_stop(&vtd);
}

static void units_keep_their_pasids_apart(void **state)
{
	const struct iommusim_vtd_config other = {
		.base = VTD_BASE + 0x1000,
		.version = 0x10,
		.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700,
		.ext_capability = VTD_DEFAULT_ECAP | ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
		.host_address_width = VTD_HAW,
		.virtual_capability = PAS,
	};
	struct vtd_fixture vtd;

	(void)state;
	start_with_pasids(&vtd, 20);
	assert_int_equal(iommusim_vtd_create(vtd.machine, &other, NULL), IOMMUSIM_OK);
	assert_int_equal(allocate(&vtd), got(1));
	vt_set64(&vtd, 0x1000 + VCMD, 1);
	assert_int_equal(vt_get64(&vtd, 0x1000 + VCRSP), got(1));
	vt_stop(&vtd);
}

static void *allocate_unless(void *context, size_t size)
{
	return *(const bool *)context ? NULL : malloc(size);
}

static void release_block(void *context, void *block, size_t size)
{
	(void)context;
	(void)size;
	free(block);
}

static void without_memory_no_pasid_is_available(void **state)
{
	bool none = false;
	const struct iommusim_allocator allocator = {
		.context = &none, .allocate = allocate_unless, .release = release_block
	};
	const struct iommusim_vtd_config config = {
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
		.virtual_capability = PAS | FPS,
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, config, &allocator);
	none = true;
	assert_int_equal(allocate(&vtd), FAILED);
	assert_int_equal(release(&vtd, 1), FAILED);
	none = false;
	assert_int_equal(allocate(&vtd), got(1));
	vt_stop(&vtd);
}

/* An allocator that counts the blocks that are out. */
static void *allocate_counted(void *context, size_t size)
{
	++*(int *)context;
	return malloc(size);
}

static void release_counted(void *context, void *block, size_t size)
{
	(void)size;
	*(int *)context -= block != NULL;
	free(block);
}

static void the_pool_goes_with_the_unit(void **state)
{
	int out = 0;
	const struct iommusim_allocator allocator = {
		.context = &out, .allocate = allocate_counted, .release = release_counted
	};
	const struct iommusim_vtd_config config = {
		.ext_capability = ECAP_VCS | ECAP_PASID | ECAP_SMTS | PSS(20),
		.virtual_capability = PAS,
	};
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned used = 0; used < 2; used++) {
		start(&vtd, config, &allocator);
		if (used)
			assert_int_equal(allocate(&vtd), got(1));
		vt_stop(&vtd);
		assert_int_equal(out, 0);
	}
}

/* The null command has nothing to do with PASIDs. */
static void the_null_command_needs_no_PASID(void **state)
{
	const struct iommusim_vtd_config config = { .ext_capability = ECAP_VCS | ECAP_SMTS,
		.virtual_capability = NS };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, config, NULL);
	assert_int_equal(vt_get64(&vtd, VCCAP), NS);
	assert_int_equal(null_command(&vtd), DONE);
	vt_stop(&vtd);
}

static void what_VCCAP_cannot_say_is_refused(void **state)
{
	static const struct {
		uint64_t ecap, capability;
		const char *why;
	} bad[] = {
		{ ECAP_PASID, NS, "VCCAP needs ECAP.VCS" },
		{ ECAP_VCS | ECAP_PASID, 8, "reserved bits of VCCAP" },
		{ ECAP_VCS | ECAP_PASID, BIT(63) | PAS, "reserved bits of VCCAP" },
		{ ECAP_VCS, PAS, "need ECAP.PASID" },
		{ ECAP_VCS, FPS, "need ECAP.PASID" },
	};
	struct vtd_fixture vtd;

	(void)state;
	start_with_pasids(&vtd, 20);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct iommusim_vtd_config config = {
			.base = VTD_BASE + 0x1000,
			.version = 0x10,
			.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700,
			.ext_capability = VTD_DEFAULT_ECAP | ECAP_SMTS | bad[i].ecap,
			.host_address_width = VTD_HAW,
			.virtual_capability = bad[i].capability,
		};

		assert_int_equal(iommusim_vtd_create(vtd.machine, &config, NULL), IOMMUSIM_EINVAL);
		assert_non_null(strstr(iommusim_machine_diagnostic(vtd.machine)->text, bad[i].why));
	}
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_reports_no_command_has_none),
		cmocka_unit_test(each_command_is_there_when_its_bit_of_VCCAP_is),
		cmocka_unit_test(every_pasid_but_0_is_handed_out_once),
		cmocka_unit_test(only_an_allocated_pasid_can_be_freed),
		cmocka_unit_test(a_pasid_has_at_most_20_bits),
		cmocka_unit_test(the_half_with_the_command_starts_it),
		cmocka_unit_test(a_command_takes_the_latency_of_the_unit),
		cmocka_unit_test(a_reset_ends_the_command_and_frees_every_pasid),
		cmocka_unit_test(units_keep_their_pasids_apart),
		cmocka_unit_test(without_memory_no_pasid_is_available),
		cmocka_unit_test(the_pool_goes_with_the_unit),
		cmocka_unit_test(the_null_command_needs_no_PASID),
		cmocka_unit_test(what_VCCAP_cannot_say_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
