/*
 * Calls for single pages that are a store and nothing else: the table that they go to, and the row of them that whoever
 * stands between vmm and the backend hears of later, all at once. Private to the library.
 */
#ifndef IOMMUSIM_VMM_ROW_H
#define IOMMUSIM_VMM_ROW_H

#include <iommusim/vmm.h>

/*
 * A table of 4 KiB leaves that a backend shows: a page there is mapped, or unmapped, by one store and nothing else. It
 * is closed when anybody has to be told of a call, or a call has to fail. Control side; hardware may walk meanwhile.
 */
struct leaf_window {
	uint64_t first; /* the address that the first entry translates */
	uint64_t pages; /* that the table translates; 0: closed */
	uint64_t *entries;
	uint64_t leaf;   /* an entry but for the page's address */
	uint64_t others; /* bits of an entry that are not the address's: none of them may be in one */
};

#define ROW_PAGES 512u /* of the table */
#define ROW_CALLS 512u

/*
 * What a call was, in a key: the page's number in the table, ROW_REMOVES of a call that takes it away, the lower bits of
 * the line it is from. A bit between them each and one above, so that differences of keys tell differences of each: the
 * uppermost is the same in all keys of a row.
 */
#define ROW_REMOVES    (UINT32_C(1) << 10)
#define ROW_LINE_SHIFT 12u
#define ROW_LINES      (UINT32_C(1) << (31 - ROW_LINE_SHIFT))

/*
 * Calls that nobody was told of yet. While the row is open, calls for single pages of its table are stores, and noted
 * here; any other call, one too many, or another activity of the machine finds it closed. Control side.
 */
struct vmm_row {
	struct iommusim_domain *domain; /* NULL: it is closed */
	struct leaf_window window;
	uint64_t activity; /* machine_activity(): from any other on there is more to do than to store */
	uint32_t line;     /* where the calls that come are from, as keys have it */
	uint64_t count;
	uint64_t page[ROW_CALLS]; /* the host's; of removals 0 */
	uint32_t key[ROW_CALLS];
};

/*
 * Do calls of the domain have to be calls, as somebody beside the checker has to hear of them, or none can be served? If
 * not, the domain's handle is the checker's own.
 */
bool vmm_row_is_barred(const struct iommusim_domain *domain);
/*
 * Look up in `row->window` the table that the domain's last mapping call has used. False: more belongs to its calls than
 * a store. `backend_handle` is the backend's own.
 */
bool vmm_row_find(const void *backend_handle, struct vmm_row *row);
/* From now on calls for that table go into the row, which has none yet; until it is closed. */
void vmm_row_open(struct iommusim_domain *domain, struct vmm_row *row);
void vmm_row_close(struct vmm_row *row);

#endif
