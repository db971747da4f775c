/* Reading and writing a disk: cut into commands, asked for, waited for. What a command looks like: ahci.c, nvme.c. */
#include "drivers/driver.h"

#include <string.h>

#define PIECES 129u /* of one command: no piece but the first and the last is shorter than a page */

/* A request being worked off: the pieces that come next, and how much of the first is gone. */
struct cursor {
	const struct iommusim_disk_request *request;
	size_t piece;
	uint64_t within;
	uint64_t sector;
};

static bool is_disk(const struct iommusim_device_driver *driver)
{
	return driver->model->submit != NULL;
}

static enum iommusim_status check_request(const struct iommusim_device_driver *driver,
    const struct iommusim_disk_request *request, uint64_t *length)
{
	*length = 0;
	if (!is_disk(driver) || request->piece_count == 0)
		return IOMMUSIM_EINVAL;
	for (size_t i = 0; i < request->piece_count; i++) {
		const struct iommusim_driver_piece *piece = &request->pieces[i];

		if (piece->length == 0 || piece->length % IOMMUSIM_SECTOR != 0 ||
		    piece->address % 4 != 0 || piece->length > UINT64_MAX - *length)
			return IOMMUSIM_EINVAL;
		*length += piece->length;
	}
	return request->no_wait && *length > IOMMUSIM_DRIVER_TRANSFER ? IOMMUSIM_EINVAL : IOMMUSIM_OK;
}

/* The next command's worth. */
static struct driver_command cut(struct cursor *cursor, struct iommusim_driver_piece *pieces)
{
	struct driver_command command = {
		.write = cursor->request->write, .sector = cursor->sector, .pieces = pieces
	};

	while (cursor->piece < cursor->request->piece_count && command.piece_count < PIECES &&
	    command.length < IOMMUSIM_DRIVER_TRANSFER) {
		const struct iommusim_driver_piece *piece = &cursor->request->pieces[cursor->piece];
		const uint64_t room = IOMMUSIM_DRIVER_TRANSFER - command.length;
		const uint64_t left = piece->length - cursor->within;
		const uint64_t length = left < room ? left : room;

		pieces[command.piece_count++] =
		    (struct iommusim_driver_piece){ .address = piece->address + cursor->within,
			    .length = length };
		command.length += length;
		cursor->within += length;
		if (cursor->within == piece->length) {
			cursor->piece++;
			cursor->within = 0;
		}
	}
	cursor->sector += command.length / IOMMUSIM_SECTOR;
	return command;
}

static unsigned free_slot(const struct iommusim_device_driver *driver)
{
	unsigned slot = 0;

	while (slot < IOMMUSIM_DRIVER_DEPTH && driver->slots[slot].busy)
		slot++;
	return slot;
}

static enum iommusim_status run(struct iommusim_device_driver *driver,
    const struct driver_command *command, bool wait, uint64_t *told)
{
	const unsigned number = free_slot(driver);
	struct driver_slot *slot;

	if (number == IOMMUSIM_DRIVER_DEPTH)
		return IOMMUSIM_EBUSY;
	slot = &driver->slots[number];
	*slot = (struct driver_slot){ .busy = true, .length = command->length };
	driver->model->submit(driver, number, command);
	if (!wait)
		return IOMMUSIM_OK;
	driver->model->reap(driver);
	if (slot->busy) {
		driver->broken = true;
		return IOMMUSIM_ETIMEDOUT;
	}
	*told += slot->told;
	return slot->result == DRIVER_DONE ? IOMMUSIM_OK : IOMMUSIM_EIO;
}

enum iommusim_status iommusim_driver_disk(
    struct iommusim_device_driver *driver, const struct iommusim_disk_request *request, uint64_t *told)
{
	struct iommusim_driver_piece pieces[PIECES];
	struct cursor cursor = { .request = request, .sector = request->sector };
	uint64_t length;
	enum iommusim_status status = check_request(driver, request, &length);

	*told = 0;
	if (status != IOMMUSIM_OK)
		return status;
	if (!driver_mend(driver))
		return IOMMUSIM_EIO;
	driver->model->reap(driver);
	while (cursor.piece < request->piece_count && status == IOMMUSIM_OK) {
		const struct driver_command command = cut(&cursor, pieces);

		status = run(driver, &command, !request->no_wait, told);
	}
	return status;
}

unsigned iommusim_driver_poll(struct iommusim_device_driver *driver)
{
	unsigned busy = 0;

	if (!is_disk(driver))
		return 0;
	driver->model->reap(driver);
	for (unsigned slot = 0; slot < IOMMUSIM_DRIVER_DEPTH; slot++)
		busy += driver->slots[slot].busy;
	return busy;
}
