/*
 * The AHCI-like disk. For each slot in PxCI: the command header, the command FIS, the PRD table, the data,
 * then PRDBC, the register FIS and the interrupt (AHCI 5.5). One port.
 */
#include "models/devices/device.h"
#include "models/devices/spec/devices.h"

#include <string.h>

/* Commands and states of an ATA disk (ACS-3, 7.24 and 7.60; 6.2). */
enum { READ_DMA_EXT = 0x25, WRITE_DMA_EXT = 0x35 };
enum { ATA_ERR = 0x01, ATA_DSC = 0x10, ATA_DRDY = 0x40, ATA_ABRT = 0x04 };
enum { FIS_HOST_TO_DEVICE = 0x27, FIS_DEVICE_TO_HOST = 0x34 };

/* Layouts that are no fields: AHCI 4.2.1 to 4.2.3. */
enum {
	SLOTS = 32,
	HEADER_SIZE = 32,
	HEADER_PRDBC = 4, /* offset of PRDBC in a header */
	FIS_SIZE = 20,
	PRD_SIZE = 16,
	PRD_TABLE = 0x80,   /* offset in a command table */
	RECEIVED_FIS = 0x40 /* offset of the register FIS in the received FIS structure */
};

#define PRDS_AT_ONCE 64u

struct ahci {
	struct iommusim_device device; /* first */
	uint32_t ghc, is;
	uint32_t clb, clbu, fb, fbu, port_is, ie, cmd, tfd, ci;
};

static struct ahci *ahci_of(struct iommusim_device *device)
{
	return (struct ahci *)device;
}

/* ---- registers ----------------------------------------------------------------------------------- */

static uint32_t read_register(struct iommusim_device *device, uint32_t offset)
{
	const struct ahci *ahci = ahci_of(device);

	switch (offset) {
	case ahci_CAP_at:
		return (uint32_t)(ahci_CAP_NCS_bits(SLOTS - 1) | ahci_CAP_S64A_bits(1));
	case ahci_GHC_at:
		return ahci->ghc;
	case ahci_IS_at:
		return ahci->is;
	case ahci_PI_at:
		return (uint32_t)ahci_PI_PI_bits(1);
	case ahci_VS_at:
		return (uint32_t)(ahci_VS_MJR_bits(1) | ahci_VS_MNR_bits(0x0301)); /* 1.3.1 */
	case ahci_PxCLB_at:
		return ahci->clb;
	case ahci_PxCLBU_at:
		return ahci->clbu;
	case ahci_PxFB_at:
		return ahci->fb;
	case ahci_PxFBU_at:
		return ahci->fbu;
	case ahci_PxIS_at:
		return ahci->port_is;
	case ahci_PxIE_at:
		return ahci->ie;
	case ahci_PxCMD_at:
		return ahci->cmd;
	case ahci_PxTFD_at:
		return ahci->tfd;
	case ahci_PxSIG_at:
		return (uint32_t)ahci_PxSIG_SIG_bits(0x101); /* a disk */
	case ahci_PxSSTS_at:
		return (uint32_t)(ahci_PxSSTS_DET_bits(3) | ahci_PxSSTS_SPD_bits(3) |
		    ahci_PxSSTS_IPM_bits(1));
	case ahci_PxCI_at:
		return ahci->ci;
	default:
		return 0;
	}
}

static void reset(struct iommusim_device *device)
{
	struct ahci *ahci = ahci_of(device);

	memset((uint8_t *)ahci + sizeof(ahci->device), 0, sizeof(*ahci) - sizeof(ahci->device));
	ahci->ghc = (uint32_t)ahci_GHC_AE_bits(1);
	ahci->tfd = (uint32_t)ahci_PxTFD_STS_bits(ATA_DRDY | ATA_DSC);
}

/* Stopping drops what has not been done (3.3.14: PxCI is cleared when ST goes from 1 to 0). */
static void write_command(struct ahci *ahci, uint32_t value)
{
	const bool start = ahci_PxCMD_ST(value) != 0, receive = ahci_PxCMD_FRE(value) != 0;

	ahci->cmd = (uint32_t)(ahci_PxCMD_ST_bits(start) | ahci_PxCMD_CR_bits(start) |
	    ahci_PxCMD_FRE_bits(receive) | ahci_PxCMD_FR_bits(receive));
	if (!start)
		ahci->ci = 0;
}

static void write_port(struct ahci *ahci, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case ahci_PxCLB_at:
		ahci->clb = (uint32_t)ahci_PxCLB_CLB_bits(ahci_PxCLB_CLB(value));
		break;
	case ahci_PxCLBU_at:
		ahci->clbu = value;
		break;
	case ahci_PxFB_at:
		ahci->fb = (uint32_t)ahci_PxFB_FB_bits(ahci_PxFB_FB(value));
		break;
	case ahci_PxFBU_at:
		ahci->fbu = value;
		break;
	case ahci_PxIS_at:
		ahci->port_is &= ~value;
		break;
	case ahci_PxIE_at:
		ahci->ie = value;
		break;
	case ahci_PxCMD_at:
		write_command(ahci, value);
		break;
	case ahci_PxCI_at:
		if (ahci_PxCMD_ST(ahci->cmd) == 0)
			break;
		ahci->ci |= value;
		device_doorbell(&ahci->device);
		break;
	default:
		break;
	}
}

static void write_register(struct iommusim_device *device, uint32_t offset, uint32_t value)
{
	struct ahci *ahci = ahci_of(device);

	if (offset == ahci_GHC_at && ahci_GHC_HR(value) != 0)
		reset(device);
	else if (offset == ahci_GHC_at)
		ahci->ghc = (uint32_t)(ahci_GHC_AE_bits(1) | ahci_GHC_IE_bits(ahci_GHC_IE(value)));
	else if (offset == ahci_IS_at)
		ahci->is &= ~value;
	else
		write_port(ahci, offset, value);
}

/* ---- one command ---------------------------------------------------------------------------------- */

struct command {
	uint64_t header_at; /* its address */
	uint64_t table;     /* likewise */
	uint64_t header[4];
	uint64_t fis[3];
	uint64_t offset; /* on the disk, of what comes next */
	uint64_t left;   /* bytes of it */
	uint64_t moved;
	bool to_memory;
	bool wants_interrupt; /* a PRD with I=1 was processed */
};

static void raise(struct ahci *ahci, uint64_t cause)
{
	ahci->port_is |= (uint32_t)cause;
	if ((ahci->port_is & ahci->ie) == 0)
		return;
	ahci->is |= (uint32_t)ahci_IS_IPS_bits(1);
	if (ahci_GHC_IE(ahci->ghc) != 0)
		device_interrupt(&ahci->device);
}

/* The bus failed the HBA: it stops where it is, and the command stays in PxCI (6.2.2.1). */
static void fatal(struct ahci *ahci)
{
	ahci->cmd &= ~(uint32_t)ahci_PxCMD_CR_bits(1);
	device_done(&ahci->device, true);
	raise(ahci, ahci_PxIS_HBFS_bits(1));
}

static enum device_answer fetch(struct ahci *ahci, unsigned slot, struct command *command)
{
	enum device_answer answer;

	command->header_at = joined(ahci->clbu, ahci->clb) + (uint64_t)slot * HEADER_SIZE;
	answer = device_fetch(&ahci->device, command->header_at, command->header, HEADER_SIZE);
	if (answer != DEVICE_MOVED)
		return answer;
	command->table = ahci_command_header_CTBA(command->header) << 7;
	return device_fetch(&ahci->device, command->table, command->fis, FIS_SIZE);
}

/* What the disk is told to do. False: it cannot. */
static bool decode(struct ahci *ahci, struct command *command)
{
	const uint64_t code = ahci_fis_h2d_COMMAND(command->fis);
	const uint64_t count = ahci_fis_h2d_COUNT(command->fis);
	const uint64_t sector =
	    ahci_fis_h2d_LBA_HIGH(command->fis) << 24 | ahci_fis_h2d_LBA_LOW(command->fis);

	command->to_memory = code == READ_DMA_EXT;
	command->offset = sector * IOMMUSIM_SECTOR;
	command->left = (count == 0 ? UINT64_C(65536) : count) * IOMMUSIM_SECTOR;
	return ahci_fis_h2d_TYPE(command->fis) == FIS_HOST_TO_DEVICE &&
	    ahci_fis_h2d_C(command->fis) != 0 && (code == READ_DMA_EXT || code == WRITE_DMA_EXT) &&
	    store_has(&ahci->device.store, command->offset, command->left);
}

static enum device_answer move_region(struct ahci *ahci, struct command *command, const uint64_t *prd)
{
	const uint64_t size = ahci_prd_DBC(prd) + 1;
	const uint64_t length = size < command->left ? size : command->left;
	const enum device_answer answer = device_move(
	    &ahci->device, command->to_memory, ahci_prd_DBA(prd) << 1, command->offset, length);

	if (answer != DEVICE_MOVED)
		return answer;
	command->offset += length;
	command->left -= length;
	command->moved += length;
	command->wants_interrupt |= ahci_prd_I(prd) != 0;
	return DEVICE_MOVED;
}

/* Along the PRD table, which is fetched in pieces. */
static enum device_answer move_data(struct ahci *ahci, struct command *command)
{
	const uint64_t count = ahci_command_header_PRDTL(command->header);
	uint64_t prds[PRDS_AT_ONCE][2];
	enum device_answer answer = DEVICE_MOVED;

	for (uint64_t i = 0; i < count && command->left > 0 && answer == DEVICE_MOVED; i++) {
		const uint64_t piece = count - i < PRDS_AT_ONCE ? count - i : PRDS_AT_ONCE;

		if (i % PRDS_AT_ONCE == 0)
			answer = device_fetch(&ahci->device, command->table + PRD_TABLE + i * PRD_SIZE,
			    prds[0], piece * PRD_SIZE);
		if (answer == DEVICE_MOVED)
			answer = move_region(ahci, command, prds[i % PRDS_AT_ONCE]);
	}
	return answer;
}

/* PRDBC, the register FIS, PxTFD. */
static enum device_answer report(struct ahci *ahci, const struct command *command, bool failed)
{
	const uint64_t status = ATA_DRDY | ATA_DSC | (failed ? ATA_ERR : 0);
	uint32_t moved = (uint32_t)command->moved;
	uint64_t fis[3] = { 0 };
	enum device_answer answer;

	ahci->tfd =
	    (uint32_t)(ahci_PxTFD_STS_bits(status) | ahci_PxTFD_ERR_bits(failed ? ATA_ABRT : 0));
	answer = device_dma(&ahci->device, IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE,
	    command->header_at + HEADER_PRDBC, &moved, sizeof(moved));
	if (answer != DEVICE_MOVED || ahci_PxCMD_FRE(ahci->cmd) == 0)
		return answer;
	ahci_fis_d2h_set_TYPE(fis, FIS_DEVICE_TO_HOST);
	ahci_fis_d2h_set_I(fis, 1);
	ahci_fis_d2h_set_STATUS(fis, status);
	ahci_fis_d2h_set_ERROR(fis, failed ? ATA_ABRT : 0);
	return device_dma(&ahci->device, IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE,
	    joined(ahci->fbu, ahci->fb) + RECEIVED_FIS, fis, FIS_SIZE);
}

/* False: the port has stopped, or must wait. */
static bool run_slot(struct ahci *ahci, unsigned slot)
{
	struct command command = { .moved = 0 };
	enum device_answer answer = fetch(ahci, slot, &command);
	bool failed;

	if (answer == DEVICE_SILENT)
		return false;
	ahci->cmd &= ~(uint32_t)ahci_PxCMD_CCS_bits(SLOTS - 1);
	ahci->cmd |= (uint32_t)ahci_PxCMD_CCS_bits(slot);
	failed = answer == DEVICE_MOVED && !decode(ahci, &command);
	if (answer == DEVICE_MOVED && !failed)
		answer = move_data(ahci, &command);
	if (answer == DEVICE_MOVED)
		answer = report(ahci, &command, failed);
	if (answer != DEVICE_MOVED) {
		fatal(ahci);
		return false;
	}
	if (!failed)
		ahci->ci &= ~(1u << slot);
	device_done(&ahci->device, failed);
	raise(ahci,
	    ahci_PxIS_DHRS_bits(1) | ahci_PxIS_DPS_bits(command.wants_interrupt) |
		ahci_PxIS_TFES_bits(failed));
	return !failed; /* an error of the disk stops the list, too (6.2.2.2) */
}

/* The lowest slot first; none after an error until software has stopped and started the port. */
static void run(struct iommusim_device *device)
{
	struct ahci *ahci = ahci_of(device);

	while (ahci->ci != 0 && ahci_PxCMD_CR(ahci->cmd) != 0 && ahci_PxIS_TFES(ahci->port_is) == 0)
		if (!run_slot(ahci, (unsigned)__builtin_ctz(ahci->ci)))
			return;
}

const struct device_model device_ahci = {
	.kind = IOMMUSIM_DEVICE_AHCI,
	.size = sizeof(struct ahci),
	.register_size = 0x1000,
	.read = read_register,
	.write = write_register,
	.work = run,
	.reset = reset,
};
