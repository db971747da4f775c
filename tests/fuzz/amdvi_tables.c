/* Entries that the AMD-Vi fuzzers' software writes: of devices, PASIDs, host and guest tables; some of them bad. */
#include "fuzz/amdvi.h"

/* Mostly one of the level. */
static uint64_t draw_table(struct az *az, unsigned level)
{
	const unsigned how = fz_u8(&az->fz);

	if (how < 0xe0 && level >= 1 && level <= 6)
		return az_table(level, how);
	return how < 0xf8 ? AZ_TABLES + (how & 15) * UINT64_C(0x1000) : UINT64_C(0x50000000);
}

static uint64_t draw_page(struct az *az)
{
	const unsigned how = fz_u8(&az->fz);

	if (how < 0xc0)
		return (how & 0x3f) * UINT64_C(0x1000);
	return how < 0xe0 ? FZ_HIGH + (how & 3) * UINT64_C(0x1000)
			  : fz_u64(&az->fz) & UINT64_C(0xffffffffff000);
}

/* Where: one of the entries that addresses of the fuzzers use; and of which level of table. */
static uint64_t draw_slot(struct az *az, unsigned *level)
{
	static const uint16_t indices[] = { 0, 1, 2, 511 };
	const unsigned where = fz_u8(&az->fz), page = where & 15;

	*level = page == 15 ? 6 : 1 + page / 3;
	return AZ_TABLES + page * UINT64_C(0x1000) + indices[where >> 4 & 3] * UINT64_C(8);
}

/* What it points at: mostly the level below. */
static unsigned draw_next(struct az *az, unsigned level)
{
	const unsigned how = fz_u8(&az->fz);

	if (how < 0x40)
		return 0;
	if (how < 0x70)
		return 7;
	return how < 0xe0 ? level - 1 : how & 7;
}

/* Bits of a page's address that say a size which fits the level, or any. */
static uint64_t with_size(struct az *az, uint64_t page, unsigned level)
{
	const unsigned how = fz_u8(&az->fz);
	unsigned shift = how >= 0xe0 ? 12 + how % 41 : 12 + 9 * (level - 1) + how % 8;

	if (shift > 52)
		shift = 52; /* no bit is 0 */
	return (page | (BIT(shift) - 0x1000)) & ~(shift < 52 ? BIT(shift) : 0) &
	    UINT64_C(0xffffffffff000);
}

void az_op_host_entry(struct az *az)
{
	unsigned level;
	const uint64_t slot = draw_slot(az, &level);
	const unsigned what = fz_u8(&az->fz), how = fz_u8(&az->fz), next = draw_next(az, level);
	uint64_t entry = 6 | ((how & 0x07) != 7) | ((how & 0x18) != 0x18 ? BIT(61) : 0) |
	    ((how & 0x60) != 0x60 ? BIT(62) : 0) | (what & 8 ? 0x60 : 0);

	if (how >= 0xfc)
		entry |= BIT(52 + (what >> 4) % 9) | 1;
	if (next == 7)
		entry |= with_size(az, draw_page(az), level);
	else
		entry |= next == 0 ? draw_page(az) : draw_table(az, next);
	fz_store(&az->fz, slot, entry | (uint64_t)next << 9);
}

/* Of use to hosts, too: bits 62:61 and 11:9 are software's here. */
void az_op_guest_entry(struct az *az)
{
	unsigned level;
	const uint64_t slot = draw_slot(az, &level);
	const unsigned what = fz_u8(&az->fz), how = fz_u8(&az->fz);
	uint64_t entry = BIT(61) | BIT(62) | ((how & 7) != 7) | ((how & 0x18) != 0x18 ? 2 : 0) |
	    ((how & 0x60) != 0x60 ? 4 : 0) | (what & 0x60) | ((what & 0x1f) == 0x1f ? BIT(63) : 0);

	if (level == 1)
		entry |= draw_page(az);
	else if ((what & 0x80) != 0)
		entry |=
		    0x80 | (draw_page(az) & ((what & 3) == 3 ? ~UINT64_C(0) : ~UINT64_C(0x3ffff000)));
	else
		entry |= (uint64_t)(level - 1) << 9 | draw_table(az, level - 1);
	fz_store(&az->fz, slot, entry);
}

/* PASIDs are 0 to 2 and 512: entries 0 to 2 of each of two pages. */
void az_op_gcr3_entry(struct az *az)
{
	const unsigned where = fz_u8(&az->fz), how = fz_u8(&az->fz);
	uint64_t entry = (how & 7) != 7;

	if (how >= 0xfc)
		entry |= BIT(how & 3) << 1;
	entry |= (how & 8) != 0 ? FZ_PASIDS + 0x1000 : draw_table(az, 4 + (where >> 7));
	fz_store(&az->fz, FZ_PASIDS + (where & 1) * UINT64_C(0x1000) + (where >> 1) % 3 * UINT64_C(8),
	    entry);
}

/* One level of GCR3 table is the second page, more begin with the first. */
static uint64_t draw_guest_part(struct az *az, uint64_t dte[4])
{
	const unsigned how = fz_u8(&az->fz), glx = how >= 0xf8 ? 3 : (how >> 5 & 3) % 3;
	const uint64_t gcr3 = FZ_PASIDS + (glx == 0) * UINT64_C(0x1000);

	dte[1] |= (gcr3 >> 15 & 0xffff) << 16;
	dte[2] |= (uint64_t)((how & 0x0e) == 0x0e ? how >> 4 & 3 : how & 1) << 54;
	return BIT(55) | ((how & 0x10) != 0 ? BIT(54) : 0) | (gcr3 >> 12 & 7) << 58 |
	    (uint64_t)glx << 56;
}

/* Flags that host tables keep: none, accessed, both; now and then what the unit cannot. */
static uint64_t draw_flags(const struct az *az, unsigned how)
{
	const uint64_t efr = az->config.features;

	if (how == 7)
		return 2;
	if ((how & 1) == 0 || (efr & AZ_HA) == 0)
		return how == 6 ? 3 : 0;
	return (how & 2) != 0 && (efr & AZ_HD) != 0 ? 3 : 1;
}

void az_op_device_entry(struct az *az)
{
	static const uint8_t rids[] = { 0x00, 0x01, 0x7f };
	struct fz *fz = &az->fz;
	const unsigned which = fz_u8(fz), what = fz_u8(fz), how = fz_u8(fz);
	const uint64_t at = AZ_DEVICES + rids[which % 3] * UINT64_C(32);
	const unsigned most = 4 + (unsigned)(az->config.features >> 10 & 3);
	const unsigned mode = most == 7 && how != 0xff ? 0 : what & 7;
	uint64_t dte[4] = { 0, how & 3, 0, 0 };

	dte[0] = ((how & 0x7c) != 0x7c) | ((how & 0xf0) != 0xf0 ? 2 : 0) | (uint64_t)mode << 9 |
	    ((what & 0x38) != 0x38 ? BIT(61) : 0) | ((what & 0xd0) != 0xd0 ? BIT(62) : 0);
	if (mode != 0 || which == 0xff)
		dte[0] |= draw_table(az, mode);
	dte[0] |= draw_flags(az, which >> 2 & 7) << 7;
	if ((which & 0x20) != 0 && ((az->config.features & AZ_GT) != 0 || which >= 0xf0))
		dte[0] |= draw_guest_part(az, dte);
	if (which >= 0xfc)
		dte[0] |= BIT(2) << (what & 1);
	if ((how & 0x0c) == 0x0c)
		dte[1] |= BIT(32) | ((what & 0x80) != 0 ? BIT(33) : 0);
	if ((what & 0x80) != 0) /* interrupts: 2^2 entries, remapped */
		dte[2] |= 1 | 2 << 1 | FZ_INTERRUPTS | UINT64_C(2) << 60;
	for (unsigned quad = 4; quad-- > 0;)
		fz_store(fz, at + quad * UINT64_C(8), dte[quad]);
}
