/* Mapping calls that went by as stores: when they may, and how they come into the record and the ledger afterwards. */
#include "check/row.h"

#include "check/state.h"

/* ---- when a row can be open ------------------------------------------------------------------------- */

/* Has the checker seen everything, and would nothing of it have to be looked at again? */
static bool is_up_to_date(const struct iommusim_check *check)
{
	const uint64_t activity = machine_activity(check->machine);

	return check->looked_at == activity && check->logs_looked_at == activity &&
	    !check->shadow.dirty && !check->machine->stores.silent &&
	    check->machine->stores.count == 1; /* the checker's own */
}

/* Is all of the table within what domain and ledger reach, and at hand there? */
static bool is_within(const struct check_domain *domain, const struct leaf_window *window)
{
	const uint64_t bytes = window->pages << IOMMUSIM_PAGE_SHIFT;

	return window->pages == ROW_PAGES && window->first < domain->end &&
	    bytes <= domain->end - window->first && pagemap_is_at_hand(&domain->map, window->first);
}

static bool may_open(
    const struct iommusim_check *check, const struct check_domain *domain, struct leaf_window *window)
{
	uint64_t table, never;

	if (!is_within(domain, window) || !held_is_plain(check, domain) ||
	    check->calls.count >= CALLS_MOST - ROW_CALLS ||
	    iommusim_memory_physical(check->machine, window->entries, &table) != IOMMUSIM_OK ||
	    !shadow_lets_by(check, table, window->leaf, &never))
		return false;
	window->others |= never;
	return true;
}

void check_row_begins(struct iommusim_check *check, const struct iommusim_call *call)
{
	const bool continued = check->row.warm && check->row.known == call->domain;

	check_settle(check);
	check->row.continued = continued;
}

void check_row_ended(struct iommusim_check *check, const struct iommusim_call *call)
{
	struct check_row *own = &check->row;

	own->warm = true;
	own->known = call->domain;
	if (!own->continued || call->domain == NULL || call->status != IOMMUSIM_OK ||
	    call->length != IOMMUSIM_PAGE_SIZE || check->place == 0 ||
	    check->last_domain != call->domain || !is_up_to_date(check) ||
	    vmm_row_is_barred(call->domain))
		return;
	own->domain = vmm_domain_handle(call->domain);
	if (!vmm_row_find(own->domain->handle, &own->row) ||
	    !may_open(check, own->domain, &own->row.window))
		return;
	own->row.activity = check->looked_at;
	own->row.line = check->here.line << ROW_LINE_SHIFT;
	vmm_row_open(call->domain, &own->row);
}

/* ---- what calls have left to do ---------------------------------------------------------------------- */

#define AT_ONCE 64u

/* Are these keys `step` apart, and the first one from the one before it? */
static bool are_apart(const uint32_t *key, uint32_t step)
{
	uint32_t wanted = key[-1], odd = 0;

	for (unsigned i = 0; i < AT_ONCE; i++)
		odd |= key[i] ^ (wanted += step);
	return odd == 0;
}

/* How many calls from `from` on are of one kind, and as far apart as the first two. */
static unsigned length_of_run(const struct vmm_row *row, unsigned from)
{
	const uint32_t *key = &row->key[from];
	const unsigned count = (unsigned)row->count - from;
	const uint32_t step = count < 2 ? 0 : key[1] - key[0];
	unsigned run = 1;

	if (((key[0] ^ (key[0] + step)) & ROW_REMOVES) != 0)
		return 1;
	while (count - run >= AT_ONCE && are_apart(&key[run], step))
		run += AT_ONCE;
	while (run < count && key[run] - key[run - 1] == step)
		run++;
	return run;
}

/* The line of a key, all of it; the row does not outlive the upper bits. */
static uint32_t line_of(const struct iommusim_check *check, uint32_t key)
{
	return (check->here.line & ~(ROW_LINES - 1)) | key >> ROW_LINE_SHIFT;
}

static uint64_t address_of(const struct vmm_row *row, uint32_t key)
{
	return row->window.first + ((uint64_t)(key % ROW_PAGES) << IOMMUSIM_PAGE_SHIFT);
}

static struct calls_row run_at(const struct iommusim_check *check, unsigned from, unsigned count)
{
	const struct vmm_row *row = &check->row.row;
	const uint32_t key = row->key[from], next = count < 2 ? key : row->key[from + 1];

	return (struct calls_row){
		.first = {
			.file = check->here.file,
			.line = line_of(check, key),
			.domain_name = check->last_domain_name,
			.call = {
				.kind = (key & ROW_REMOVES) != 0 ? IOMMUSIM_CALL_REMOVE_MAPPING
								 : IOMMUSIM_CALL_CREATE_MAPPING,
				.address = address_of(row, key),
				.host_address = row->page[from],
				.length = IOMMUSIM_PAGE_SIZE,
			},
		},
		.address_step = address_of(row, next) - address_of(row, key),
		.line_step = line_of(check, next) - line_of(check, key),
		.hosts = &row->page[from],
		.count = count,
	};
}

/* Just as the ledger does it while a call is under way. */
static void enter_one(
    struct iommusim_check *check, const struct iommusim_call *call, uint64_t host, uint32_t stamp)
{
	struct check_domain *domain = check->row.domain;

	check->place = stamp;
	if (call->kind == IOMMUSIM_CALL_CREATE_MAPPING) {
		held_mapped(check, domain, call->address, call->length, host, stamp);
		pagemap_set(&domain->map, call->address, call->length, host | LEDGER_MAPPED, stamp);
	} else {
		held_removed(check, domain, call->address, call->length, stamp);
		pagemap_flag(
		    &domain->map, call->address, call->length, LEDGER_REMOVED, LEDGER_MAPPED, stamp);
	}
}

/* Does hardware perhaps keep what these calls took away? */
static bool owes(const struct iommusim_check *check, const struct calls_row *calls, uint32_t count)
{
	const struct check_domain *domain = check->row.domain;

	return domain->held.holders != 0 &&
	    pagemap_any_has(&domain->map, calls->first.call.address, count, LEDGER_MAPPED);
}

/* The first `count` of these calls, numbered from `number` on; 0: nobody knows them any more. */
static void enter(
    struct iommusim_check *check, const struct calls_row *calls, uint32_t count, uint32_t number)
{
	struct pagemap *map = &check->row.domain->map;
	struct iommusim_call call = calls->first.call;

	if ((count > 1 && calls->address_step != IOMMUSIM_PAGE_SIZE) || owes(check, calls, count)) {
		for (uint32_t i = 0; i < count; i++, call.address += calls->address_step)
			enter_one(check, &call, calls->hosts[i], number == 0 ? 0 : number + i);
	} else if (call.kind == IOMMUSIM_CALL_CREATE_MAPPING) {
		pagemap_set_row(map, call.address, calls->hosts, count, LEDGER_MAPPED, number);
	} else {
		pagemap_flag_row(map, call.address, count, LEDGER_REMOVED, LEDGER_MAPPED, number);
	}
	check->place = number == 0 ? 0 : number + (count - 1);
	check->kind = call.kind;
}

static void enter_run(struct iommusim_check *check, struct calls_row *calls)
{
	while (calls->count > 0) {
		uint32_t count;
		const uint32_t number = calls_note_row(&check->calls, calls, &count);

		enter(check, calls, count, number);
		calls_row_pass(calls, count);
	}
}

void check_row_placed(struct iommusim_check *check, const struct iommusim_place *place)
{
	/* Keys have the lower bits of the line. */
	if (check->here.file != place->file || (check->here.line ^ place->line) >= ROW_LINES)
		check_settle(check);
	check->here = *place;
	check->row.row.line = place->line << ROW_LINE_SHIFT;
}

void check_row_settle(struct iommusim_check *check)
{
	struct vmm_row *row = &check->row.row;

	check->row.warm = false;
	vmm_row_close(row);
	if (row->count == 0)
		return;
	check_changed(check);
	check->poll.reads = 0; /* something was stored */
	for (unsigned from = 0; from < row->count;) {
		const unsigned run = length_of_run(row, from);
		struct calls_row calls = run_at(check, from, run);

		enter_run(check, &calls);
		from += run;
	}
	check->row.taken += row->count;
	row->count = 0;
}
