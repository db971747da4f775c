/* What the AMD-Vi fuzzers' software does with registers and commands. Tables: amdvi_tables.c. */
#include "fuzz/amdvi.h"

/* ---- registers ---- */

/* Where something is, mostly; 8-byte places. */
static unsigned draw_offset(struct az *az)
{
	const unsigned how = fz_u8(&az->fz), where = fz_u8(&az->fz);

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		return where * 8 % 0x260;
	case 3:
	case 4:
	case 5:
		return 0x2000 + where * 8 % 0xa0;
	case 6:
		return 0x4000 + (how >> 3 & 1) * 0x3c000 + where * 8;
	default:
		return where << 8 | (how & 0xf8);
	}
}

static bool is_there(const struct az *az, unsigned offset)
{
	return offset < ((az->config.features & BIT(9)) != 0 ? 0x80000u : 0x4000u);
}

void az_op_read(struct az *az)
{
	const unsigned width = 1u << (fz_u8(&az->fz) & 3), offset = draw_offset(az) + (8 - width);
	uint64_t value;

	FZ_REQUIRE(iommusim_mmio_read(az->fz.machine, AZ_BASE + offset, width, &value) ==
	    (is_there(az, offset) ? IOMMUSIM_OK : IOMMUSIM_ENXIO));
	if (is_there(az, offset) && width < 8)
		FZ_REQUIRE(value >> 8 * width == 0);
}

void az_op_write(struct az *az)
{
	const unsigned width = 1u << (fz_u8(&az->fz) & 3);
	const unsigned offset = draw_offset(az) + (fz_u8(&az->fz) & (8 - width));

	az->rings_moved = true;
	FZ_REQUIRE(iommusim_mmio_write(az->fz.machine, AZ_BASE + offset, width, fz_u64(&az->fz)) ==
	    (is_there(az, offset) ? IOMMUSIM_OK : IOMMUSIM_ENXIO));
}

/* A value that its register may well have. */
void az_op_write_known(struct az *az)
{
	static const uint16_t offsets[] = { AZ_DEVTAB, AZ_CMD_BASE, AZ_EVENT_BASE, 0x38, 0xe0, 0xf0,
		0xf8, AZ_CMD_HEAD, AZ_CMD_TAIL, AZ_EVENT_HEAD, AZ_EVENT_TAIL, 0x2030, 0x2038, 0x2040,
		0x2048, 0x100, 0x20, 0x28, 0x200, 0x208, 0x210, 0x170, 0x2080 };
	const unsigned offset = offsets[fz_u8(&az->fz) % (sizeof(offsets) / sizeof(*offsets))];
	const uint64_t code = 7 + (fz_u8(&az->fz) & 3);

	az->rings_moved = true;
	az_write(az, offset,
	    offset >= 0x2000 ? fz_u16(&az->fz) * UINT64_C(16)
			     : (fz_u8(&az->fz) & 0x3f) * UINT64_C(0x1000) | code << 56 | (code & 3));
}

void az_op_control(struct az *az)
{
	const uint64_t bit = BIT(fz_u8(&az->fz) & 63), now = az_peek(az, AZ_CONTROL);

	az_write(az, AZ_CONTROL, now ^ bit);
}

/* What is written as 1 goes, and nothing else does (AMD-Vi 3.4: 68E67h). */
void az_op_status(struct az *az)
{
	const uint64_t before = az_peek(az, AZ_STATUS), value = fz_u32(&az->fz);

	az_write(az, AZ_STATUS, value);
	if (az->config.settings.latency == 0)
		FZ_REQUIRE(az_peek(az, AZ_STATUS) == (before & ~(value & 0x68e67)));
}

void az_op_step(struct az *az)
{
	iommusim_step(az->fz.machine, fz_u8(&az->fz));
}

void az_op_reset(struct az *az)
{
	iommusim_unit_reset(az->fz.unit, (fz_u8(&az->fz) & 1) != 0);
	az->rings_moved = true;
	FZ_REQUIRE(az_peek(az, AZ_CONTROL) == 0);
	FZ_REQUIRE((az_peek(az, AZ_STATUS) & ~UINT64_C(0)) == 0);
}

void az_op_bring_up(struct az *az)
{
	az_bring_up(az);
}

/* Software has read the events. */
void az_op_drain(struct az *az)
{
	az_write(az, AZ_EVENT_HEAD, az_peek(az, AZ_EVENT_TAIL));
}

void az_op_tail(struct az *az)
{
	az->rings_moved = true;
	az_write(az, AZ_CMD_TAIL, fz_u16(&az->fz) * UINT64_C(16));
}

/* ---- commands ---- */

static bool draw_command(struct az *az, uint64_t command[2])
{
	const uint64_t efr = az->config.features, device = fz_u8(&az->fz) & 0x81;
	const unsigned opcode = fz_u8(&az->fz) % 8 + 1;
	const uint64_t address = fz_draw_address(&az->fz) & ~UINT64_C(0xfff);
	const uint64_t pasid = fz_u8(&az->fz) & 3, guest = (efr & AZ_GT) != 0 && pasid != 0 ? 4 : 0;

	command[0] = (uint64_t)opcode << 60;
	command[1] = 0;
	switch (opcode) {
	case 2:
	case 5:
		command[0] |= device;
		return true;
	case 3:
		command[0] |= (device & 3) << 32 | (guest != 0 ? pasid : 0);
		command[1] = address | guest | (pasid & 3);
		return true;
	case 4:
		command[0] |= device | UINT64_C(1) << 24 | (guest != 0 ? pasid << 48 : 0);
		command[1] = address | guest | (pasid & 1);
		return true;
	case 6:
		command[0] |= device | UINT64_C(1) << 24 | (guest != 0 ? pasid << 32 : 0);
		command[1] = address | guest | (pasid & 1);
		return (efr & AZ_PREF) != 0;
	case 7:
		command[0] |= device | (guest != 0 ? pasid << 32 : 0);
		command[1] = guest | UINT64_C(5) << 32;
		return (efr & AZ_PPR) != 0;
	case 8:
		return (efr & AZ_IA) != 0;
	default: /* a wait: store, interrupt; where there is memory */
		command[0] |= AZ_COMPLETION | (pasid & 3);
		command[1] = address ^ opcode;
		return true;
	}
}

/* The last event, if the log is what it was. */
static void check_event(const struct az *az, uint64_t before, unsigned code, uint64_t address)
{
	const uint64_t tail = az_peek(az, AZ_EVENT_TAIL);

	if (az->rings_moved || az->config.choices.tail_before_entry || tail == before)
		return; /* it does not run, or is full */
	FZ_REQUIRE(tail == (before + 16) % AZ_RING);
	FZ_REQUIRE(fz_load(&az->fz, AZ_EVENTS + before) >> 60 == code);
	FZ_REQUIRE(fz_load(&az->fz, AZ_EVENTS + before + 8) == address);
}

/* The unit stops at what it does not know, and says where. */
static void expect_stop(struct az *az, const uint64_t command[2], unsigned code, uint64_t address)
{
	const uint64_t tail = az_peek(az, AZ_CMD_TAIL), event = az_peek(az, AZ_EVENT_TAIL);

	if (!az_submit(az, command[0], command[1]))
		return;
	FZ_REQUIRE(!az_runs(az, AZ_CMD_RUN));
	FZ_REQUIRE(az_peek(az, AZ_CMD_HEAD) == tail);
	check_event(az, event, code, address != 0 ? address : AZ_COMMANDS + tail);
}

void az_op_command(struct az *az)
{
	uint64_t command[2];

	if (!draw_command(az, command)) {
		expect_stop(az, command, 5, 0);
		return;
	}
	if (!az_submit(az, command[0], command[1]))
		return;
	FZ_REQUIRE(az_runs(az, AZ_CMD_RUN));
	FZ_REQUIRE(az_peek(az, AZ_CMD_HEAD) == az_peek(az, AZ_CMD_TAIL));
	if (command[0] >> 60 != 1)
		return;
	if ((command[0] & 1) != 0)
		FZ_REQUIRE(fz_load(&az->fz, AZ_COMPLETION) == command[1]);
	if ((command[0] & 2) != 0)
		FZ_REQUIRE((az_peek(az, AZ_STATUS) & AZ_COMWAIT) != 0);
}

/* Opcodes that are none, reserved bits, a store to nowhere. */
void az_op_bad_command(struct az *az)
{
	static const uint64_t bad[][2] = {
		{ 0, 0 },
		{ UINT64_C(0xb) << 60, 0 },
		{ UINT64_C(0xf) << 60, 0 },
		{ UINT64_C(1) << 60 | BIT(55) | AZ_COMPLETION, 0 },
		{ UINT64_C(2) << 60 | BIT(20), 0 },
		{ UINT64_C(2) << 60, 1 },
		{ UINT64_C(3) << 60 | BIT(50), 0 },
		{ UINT64_C(3) << 60, 0x10 },
		{ UINT64_C(5) << 60 | BIT(40), 0 },
		{ UINT64_C(5) << 60, BIT(63) },
		{ UINT64_C(8) << 60 | 1, 0 },
		{ UINT64_C(8) << 60, 8 },
	};
	static const uint64_t nowhere[2] = { UINT64_C(1) << 60 | UINT64_C(0x50000000) | 1, 5 };
	const unsigned which = fz_u8(&az->fz) % (sizeof(bad) / sizeof(*bad) + 1);

	if (which < sizeof(bad) / sizeof(*bad))
		expect_stop(az, bad[which], 5, 0);
	else
		expect_stop(az, nowhere, 6, UINT64_C(0x50000000));
}

void az_op_raw_command(struct az *az)
{
	const uint64_t low = fz_u64(&az->fz), high = fz_u64(&az->fz);

	/* what a wait stores may be anywhere: in rings, in tables */
	az_submit(az, low >> 60 == 1 ? low & ~UINT64_C(1) : low, high);
}
