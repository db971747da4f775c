/*
 * What the device table entry does with interrupts (AMD-Vi 2.2.2.1, 2.2.5): every delivery mode under every
 * IntCtl and pass bit, the index in both modes of NumIntRemapMode, the table's length, reserved bits, the
 * SMI filter. What an interrupt entry makes of one: test_interrupt_entries.c.
 */
#include "interrupt_scene.h"

#define ILLEGAL(flags) (EV_CODE(1) | EV_I | (flags) | AMD_RID)
#define FAULT(flags)   (EV_CODE(2) | EV_I | (flags) | EV_DOMAIN | AMD_RID)

/* What a request comes to. */
enum { SENT_AS_IT_CAME, SENT_REMAPPED, ABORTED, ILLEGAL_CTL };

/* Delivery modes; 3 and 6 are reserved. Every entry of the table sends vector 77h to processor 5. */
static unsigned expected(unsigned mode, unsigned logical, unsigned control, unsigned passes)
{
	static const unsigned by_control[] = { ABORTED, SENT_AS_IT_CAME, SENT_REMAPPED, ILLEGAL_CTL };

	switch (mode) {
	case 0:
	case 1:
		return by_control[control];
	case 2:
		return logical ? ABORTED : SENT_AS_IT_CAME;
	case 4: /* NMI */
		return (passes & 4) != 0 && !logical ? SENT_AS_IT_CAME : ABORTED;
	case 5: /* INIT */
		return (passes & 1) != 0 && !logical ? SENT_AS_IT_CAME : ABORTED;
	case 7: /* ExtInt */
		return (passes & 2) != 0 && !logical ? SENT_AS_IT_CAME : ABORTED;
	default:
		return ABORTED;
	}
}

static void check_one(struct interrupt_scene *scene, unsigned mode, unsigned logical, unsigned outcome)
{
	const uint64_t address = logical ? REQUEST_LOGICAL : REQUEST;
	const uint32_t data = DATA_MODE(mode) | 0x21;

	switch (outcome) {
	case SENT_AS_IT_CAME:
		is_expect_forwarded(scene, address, data);
		break;
	case SENT_REMAPPED:
		is_expect_sent(scene, address, data, 0xfee05000, 0x4077);
		break;
	case ABORTED:
		is_expect_denied(scene, address, data, FAULT(0), address);
		break;
	default:
		is_expect_denied(scene, address, data, ILLEGAL(EV_RZ), address);
	}
}

static void every_delivery_mode_goes_its_own_way(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	for (unsigned index = 0; index < 0x200; index++)
		is_set_entry32(&scene, index, E_REMAP | E_DEST(5) | E_VECTOR(0x77));
	for (unsigned control = 0; control < 4; control++) {
		for (unsigned passes = 0; passes < 8; passes++) {
			/* 186:184 are NMIPass, EIntPass, InitPass */
			is_set_dte(
			    &scene, D2_IV | D2_LENGTH(9) | D2_CTL(control) | (uint64_t)passes << 56, 0);
			for (unsigned way = 0; way < 16; way++)
				check_one(&scene, way >> 1, way & 1,
				    expected(way >> 1, way & 1, control, passes));
		}
	}
	is_stop(&scene);
}

/* The same table, word by word: which pass bit is whose. */
static void pass_bits_are_184_185_and_186(void **state)
{
	static const struct {
		uint64_t bit;
		uint32_t data;
	} rows[] = { { BIT(56), 0x500 }, { BIT(57), 0x700 }, { BIT(58), 0x400 } };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	for (unsigned i = 0; i < 3; i++) {
		is_set_dte(&scene, D2_IV | rows[i].bit, 0);
		for (unsigned j = 0; j < 3; j++)
			if (i == j)
				is_expect_forwarded(&scene, REQUEST, rows[j].data);
			else
				is_expect_denied(&scene, REQUEST, rows[j].data, FAULT(0), REQUEST);
	}
	is_stop(&scene);
}

static void without_iv_everything_is_forwarded(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	/* bits 255:129 are not looked at */
	is_set_dte(&scene, ~UINT64_C(0xfffffffffffff) | D2_CTL(3) | D2_LENGTH(15), UINT64_MAX);
	for (uint32_t mode = 0; mode < 8; mode++) {
		is_expect_forwarded(&scene, REQUEST, DATA_MODE(mode) | 0x42);
		is_expect_forwarded(&scene, REQUEST_LOGICAL, DATA_MODE(mode) | 0x42);
	}
	is_stop(&scene);
}

/* IV does not ask V or TV, and a fault of an entry with V=0 has no domain. */
static void iv_is_independent_of_v(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_entry32(&scene, 3, E_REMAP | E_DEST(2) | E_VECTOR(0x31));
	for (uint64_t low = 0; low < 4; low++) {
		scene.dte[0] = low;
		is_set_dte(&scene, D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
		is_expect_sent(&scene, REQUEST, 3, 0xfee02000, 0x4031);
		is_expect_denied(&scene, REQUEST, 4,
		    EV_CODE(2) | EV_I | ((low & 1) != 0 ? EV_DOMAIN : 0) | AMD_RID, REQUEST);
	}
	is_stop(&scene);
}

/* Of reserved bits in the first half interrupts know nothing (AMD-Vi 2.2.2.1). */
static void bits_of_the_first_half_are_not_looked_at(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_entry32(&scene, 3, E_REMAP | E_DEST(2) | E_VECTOR(0x31));
	scene.dte[0] |= BIT(2) | BIT(63);
	is_set_dte(&scene, D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
	is_expect_sent(&scene, REQUEST, 3, 0xfee02000, 0x4031);
	is_stop(&scene);
}

static void check_reserved(struct interrupt_scene *scene, const uint64_t reserved[2])
{
	for (unsigned bit = 0; bit < 128; bit++) {
		const uint64_t low = bit < 64 ? BIT(bit) : 0, high = bit < 64 ? 0 : BIT(bit - 64);
		struct sent sent;

		if (bit == 0 || bit == 60 || bit == 61) /* IV; IntCtl would be 3 */
			continue;
		is_set_dte(scene, (D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP)) ^ low, high);
		if (((low & reserved[0]) | (high & reserved[1])) != 0) {
			is_expect_denied(scene, REQUEST, 3, ILLEGAL(EV_RZ), REQUEST);
			continue;
		}
		sent = is_send(scene, REQUEST, 3);
		assert_true((sent.fault.record[0] & EV_RZ) == 0);
		am_drain_events(&scene->amd);
		while (iommusim_interrupt_pending(scene->amd.machine) > 0)
			(void)am_only_message(&scene->amd);
	}
}

static void reserved_bits_of_the_second_half_make_it_illegal(void **state)
{
	/*
	 * Without vIOMMU, attribute and snoop override: 134 as the table is aligned to 128 bytes, 181:180,
	 * 183 as guest paging modes 2 and 3 are reserved, 187, and all of 255:192.
	 */
	static const uint64_t plain[2] = { BIT(6) | BIT(52) | BIT(53) | BIT(55) | BIT(59), UINT64_MAX };
	/* with them 187 is none, and of 255:192 only 206:192 and 245:240 are */
	static const uint64_t full[2] = { BIT(6) | BIT(52) | BIT(53) | BIT(55),
		UINT64_C(0x003f000000007fff) };
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_entry32(&scene, 3, E_REMAP | E_DEST(2) | E_VECTOR(0x31));
	check_reserved(&scene, plain);
	is_stop(&scene);
	is_start(&scene, &(struct amd_setup){ .efr_set = F_VIOMMU | F_ATTRFW | BIT(47) }, 0);
	is_set_entry32(&scene, 3, E_REMAP | E_DEST(2) | E_VECTOR(0x31));
	check_reserved(&scene, full);
	is_stop(&scene);
}

/* Bit 245 is software's by some sources, reserved by others. */
static void bit_245_may_be_softwares(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	for (unsigned ignored = 0; ignored < 2; ignored++) {
		is_start(&scene, &(struct amd_setup){ .choices.bit_245_ignored = ignored != 0 }, 0);
		is_set_entry32(&scene, 3, E_REMAP | E_DEST(2) | E_VECTOR(0x31));
		for (unsigned bit = 52; bit <= 54; bit++) {
			is_set_dte(&scene, D2_IV | D2_LENGTH(5) | D2_CTL(CTL_REMAP), BIT(bit));
			if (bit == 53 && ignored)
				is_expect_sent(&scene, REQUEST, 3, 0xfee02000, 0x4031);
			else
				is_expect_denied(
				    &scene, REQUEST, 3, EV_CODE(1) | EV_I | EV_RZ | AMD_RID, REQUEST);
		}
		is_stop(&scene);
	}
}

/* An illegal entry is logged whatever it says of logging. */
static void illegal_entries_are_not_silenced(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	scene.dte[1] |= BIT(33) | BIT(34); /* SE, SA: 97, 98 */
	is_set_dte(&scene, D2_IV | D2_IG | D2_CTL(3), 0);
	is_expect_denied(&scene, REQUEST, 0, ILLEGAL(EV_RZ), REQUEST);
	is_set_dte(&scene, D2_IV | D2_IG | D2_CTL(CTL_REMAP) | D2_LENGTH(12), 0);
	is_expect_denied(&scene, REQUEST, 0, ILLEGAL(0), REQUEST);
	is_set_dte(&scene, D2_IV | D2_IG | D2_CTL(CTL_FORWARD) | BIT(52), 0);
	is_expect_denied(&scene, REQUEST, 0, ILLEGAL(EV_RZ), REQUEST);
	is_stop(&scene);
}

static void a_table_has_two_to_its_length_entries(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	for (unsigned index = 0; index < 512; index++)
		is_set_entry32(&scene, index, E_REMAP | E_DEST(index & 0x7f) | E_VECTOR(0x50));
	for (unsigned length = 0; length < 16; length++) {
		const unsigned last = length > 9 ? 511 : (1u << length) - 1;

		is_set_dte(&scene, D2_IV | D2_LENGTH(length) | D2_CTL(CTL_REMAP), 0);
		if (length > 11) {
			is_expect_denied(&scene, REQUEST, 0, ILLEGAL(0), REQUEST);
			continue;
		}
		is_expect_sent(&scene, REQUEST, last, 0xfee00000 | (last & 0x7f) << 12, 0x4050 | 0);
		if (last < 511)
			is_expect_denied(&scene, REQUEST, last + 1, FAULT(0), REQUEST);
	}
	/* that length is only looked at when something is remapped */
	is_set_dte(&scene, D2_IV | D2_LENGTH(15) | D2_CTL(CTL_FORWARD), 0);
	is_expect_forwarded(&scene, REQUEST, 9);
	is_stop(&scene);
}

/* An index has 9 bits, whose last is one of the delivery mode; with NumIntRemapMode and DM 11 bits. */
static void the_index_is_part_of_the_data(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	for (unsigned many = 0; many < 2; many++) {
		is_start(&scene, &(struct amd_setup){ .efr2 = F2_NUMINT_2048 }, many ? C_INT_2048 : 0);
		is_set_dte(&scene, D2_IV | D2_LENGTH(11) | D2_CTL(CTL_REMAP), 0);
		is_set_entry32(&scene, 0x0a5, E_REMAP | E_DEST(1) | E_VECTOR(0xa5));
		is_set_entry32(&scene, 0x1a5, E_REMAP | E_DEST(2) | E_VECTOR(0xa6));
		is_set_entry32(&scene, 0x2a5, E_REMAP | E_DEST(3) | E_VECTOR(0xa7));
		is_set_entry32(&scene, 0x7a5, E_REMAP | E_DEST(4) | E_VECTOR(0xa8));
		is_expect_sent(&scene, REQUEST, 0x0a5, 0xfee01000, 0x40a5);
		is_expect_sent(&scene, REQUEST, 0x1a5, 0xfee02000, 0x40a6);
		/* bits above are no part of it */
		is_expect_sent(&scene, REQUEST, 0xffff38a5 & ~0x8000u, 0xfee01000, 0x40a5);
		is_expect_sent(&scene, REQUEST_LOGICAL, 0x0a5, 0xfee01000, 0x40a5);
		is_expect_sent(&scene, REQUEST_LOGICAL, 0x1a5, 0xfee02000, 0x40a6);
		if (many) {
			is_expect_sent(&scene, REQUEST_LOGICAL, 0x2a5, 0xfee03000, 0x40a7);
			is_expect_sent(&scene, REQUEST_LOGICAL, 0x7a5, 0xfee04000, 0x40a8);
			is_expect_sent(&scene, REQUEST_LOGICAL, 0xfa5, 0xfee04000, 0x40a8);
		} else {
			is_expect_denied(&scene, REQUEST_LOGICAL, 0x2a5, FAULT(0), REQUEST_LOGICAL);
			is_expect_denied(&scene, REQUEST_LOGICAL, 0x7a5, FAULT(0), REQUEST_LOGICAL);
		}
		is_expect_forwarded(&scene, REQUEST, 0x2a5); /* an SMI */
		is_expect_denied(&scene, REQUEST, 0x7a5, FAULT(0), REQUEST);
		is_stop(&scene);
	}
}

static void interrupts_that_are_aborted_are_told_of_as_such(void **state)
{
	struct interrupt_scene scene;
	struct sent sent;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_dte(&scene, D2_IV | D2_CTL(CTL_ABORT), 0);
	sent = is_send(&scene, REQUEST, 0);
	assert_int_equal(sent.fault.class_, IOMMUSIM_FAULT_ABORT);
	assert_int_equal(sent.fault.reason, 2);
	am_drain_events(&scene.amd);
	/* IG: without an entry in the log */
	is_set_dte(&scene, D2_IV | D2_IG | D2_CTL(CTL_ABORT), 0);
	is_expect_silent(&scene, REQUEST, 0, FAULT(0));
	is_expect_silent(&scene, REQUEST, 0x400, FAULT(0));
	is_stop(&scene);
}

static void a_unit_that_is_off_forwards(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_SMIF_EN);
	am_control(&scene.amd, 0, C_IOMMU_EN);
	for (uint32_t mode = 0; mode < 8; mode++)
		is_expect_forwarded(&scene, REQUEST, DATA_MODE(mode) | 0x42);
	is_stop(&scene);
}

static void a_device_beyond_the_table_faults(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	am_set64(&scene.amd, A_DEVTAB, scene.amd.device_table | 5); /* 6 * 128 entries: to 2FFh */
	is_expect_denied(&scene, REQUEST, 7, EV_CODE(2) | EV_I | AMD_RID, REQUEST);
	is_stop(&scene);
}

static void a_device_table_that_cannot_be_read_is_a_hardware_error(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	am_set64(&scene.amd, A_DEVTAB, UINT64_C(0x80000000) | 0x1ff);
	am_invalidate_device(&scene.amd, AMD_RID);
	is_expect_denied(&scene, REQUEST, 7, EV_CODE(3) | EV_I | EV_TYPE(2) | AMD_RID,
	    UINT64_C(0x80000000) + AMD_RID * UINT64_C(32));
	is_stop(&scene);
}

/* ---- the SMI filter (AMD-Vi 3.4, offsets 60h to D8h) ------------------------------------------------------- */

#define SMI     0x200u
#define SMI_DV  BIT(16)
#define BLOCKED (EV_CODE(2) | EV_I | AMD_RID)

static void the_filter_lets_the_smis_of_its_devices_through(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_SMIF_LOG_EN);
	is_expect_forwarded(&scene, REQUEST, SMI); /* it is off */
	am_control(&scene.amd, C_SMIF_EN, 0);
	is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
	for (unsigned filter = 0; filter < 16; filter++) {
		const unsigned at = A_SMI_FILTER + 8 * filter;

		am_set64(&scene.amd, at, AMD_RID); /* it does not count without SmiDV */
		is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
		am_set64(&scene.amd, at, SMI_DV | (AMD_RID ^ 0x100));
		is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
		am_set64(&scene.amd, at, SMI_DV | AMD_RID);
		is_expect_forwarded(&scene, REQUEST, SMI);
		am_set64(&scene.amd, at, 0);
	}
	is_stop(&scene);
}

static void blocked_smis_are_logged_only_with_smiflogen(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_SMIF_EN);
	is_expect_silent(&scene, REQUEST, SMI, BLOCKED);
	am_control(&scene.amd, C_SMIF_LOG_EN, 0);
	is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
	is_stop(&scene);
}

/* It is the unit's, and does not ask the device table; nor does it touch anything but SMIs. */
static void the_filter_is_for_smis_alone_and_for_all(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_SMIF_EN | C_SMIF_LOG_EN);
	is_set_dte(&scene, 0, 0);
	is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
	for (uint32_t mode = 0; mode < 8; mode++)
		if (mode != 2)
			is_expect_forwarded(&scene, REQUEST, DATA_MODE(mode));
	am_set64(&scene.amd, A_SMI_FILTER, SMI_DV | AMD_RID);
	is_expect_forwarded(&scene, REQUEST, SMI);
	is_stop(&scene);
}

/* EFR.SmiFRC = 2: four registers. */
static void registers_beyond_smifrc_filter_nothing(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, &(struct amd_setup){ .efr_clear = F_SMIFRC, .efr_set = UINT64_C(2) << 18 },
	    C_SMIF_EN | C_SMIF_LOG_EN);
	am_set64(&scene.amd, A_SMI_FILTER + 4 * 8, SMI_DV | AMD_RID);
	is_expect_denied(&scene, REQUEST, SMI, BLOCKED, REQUEST);
	am_set64(&scene.amd, A_SMI_FILTER + 3 * 8, SMI_DV | AMD_RID);
	is_expect_forwarded(&scene, REQUEST, SMI);
	is_stop(&scene);
}

/* There are 16 filters at most: a value like one's in the registers behind them filters nothing. */
static void no_other_register_is_a_filter(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_interrupt out;
	struct iommusim_fault fault;
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_SMIF_EN);
	assert_int_equal(iommusim_requester_create(scene.amd.machine, 0, 0x1010, &device), IOMMUSIM_OK);
	for (unsigned segment = 0; segment < 7; segment++)
		am_set64(&scene.amd, A_DEVTAB_SEG + 8 * segment, SMI_DV | 0x1010);
	am_set64(&scene.amd, A_MARC, SMI_DV | 0x1000);
	assert_int_equal(iommusim_requester_interrupt(device, REQUEST, SMI, &out, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.class_, IOMMUSIM_FAULT_ABORT);
	am_set64(&scene.amd, A_SMI_FILTER + 8 * 15, SMI_DV | 0x1010);
	assert_int_equal(iommusim_requester_interrupt(device, REQUEST, SMI, &out, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.class_, IOMMUSIM_FAULT_NONE);
	is_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_delivery_mode_goes_its_own_way),
		cmocka_unit_test(pass_bits_are_184_185_and_186),
		cmocka_unit_test(without_iv_everything_is_forwarded),
		cmocka_unit_test(iv_is_independent_of_v),
		cmocka_unit_test(bits_of_the_first_half_are_not_looked_at),
		cmocka_unit_test(reserved_bits_of_the_second_half_make_it_illegal),
		cmocka_unit_test(illegal_entries_are_not_silenced),
		cmocka_unit_test(a_table_has_two_to_its_length_entries),
		cmocka_unit_test(the_index_is_part_of_the_data),
		cmocka_unit_test(interrupts_that_are_aborted_are_told_of_as_such),
		cmocka_unit_test(a_unit_that_is_off_forwards),
		cmocka_unit_test(a_device_beyond_the_table_faults),
		cmocka_unit_test(a_device_table_that_cannot_be_read_is_a_hardware_error),
		cmocka_unit_test(the_filter_lets_the_smis_of_its_devices_through),
		cmocka_unit_test(blocked_smis_are_logged_only_with_smiflogen),
		cmocka_unit_test(the_filter_is_for_smis_alone_and_for_all),
		cmocka_unit_test(registers_beyond_smifrc_filter_nothing),
		cmocka_unit_test(no_other_register_is_a_filter),
		cmocka_unit_test(bit_245_may_be_softwares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
