/* The board a machine has when a trace names none: what desktops have. */
#ifndef IOMMUSIM_REPLAY_BOARD_H
#define IOMMUSIM_REPLAY_BOARD_H

#include <stdint.h>

#define BOARD_TABLE_BYTES 176u

#define BOARD_IVRS_BYTES 152u

/* The unit of such a board with an AMD processor, and its own function, 0:0.2. */
#define BOARD_AMDVI_BASE UINT64_C(0xfeb80000)
#define BOARD_AMDVI_RID  2u

/*
 * The bytes of the table, checksum and all: the graphics unit at 0xfed90000 for 0:2.0, the unit at
 * 0xfed91000 for everything else, I/O APIC and HPET included, and a reserved region each for 0:14.0
 * (0x8d000000 to 0x8d01ffff) and 0:2.0 (0x8d800000 to 0x8fffffff).
 */
void board_table(uint8_t table[BOARD_TABLE_BYTES]);

/*
 * The same with an AMD processor: one IOMMU with these feature registers, as types 10h and 40h, that governs
 * everything, I/O APIC and HPET (both 0:14.0) included.
 */
void board_ivrs(uint64_t features, uint64_t features2, uint8_t table[BOARD_IVRS_BYTES]);

#endif
