/*
 * The device-TLB of a requester: what it was answered, what it makes of that, and what it drops when it
 * is told to (PCI Express ATS; VT-d 4.1). No vendor's rules, and no page requests.
 *
 * How an invalidation ends. A page is one piece of work, from looking for a translation to the end of
 * the request that was sent with it. An invalidation takes what it names out of the table, under the
 * lock; then it waits for the work that its requester is at, which may have looked before, and only then
 * is the device's completion sent. What such work was answered meanwhile serves it, and is not kept.
 */
#include <string.h>

#include <iommusim/ats.h>

#include "machine/unit_model.h"

struct slot {
	struct iommusim_ats_entry entry;
	bool taken;
	LIST_ENTRY(slot) bucket;
	TAILQ_ENTRY(slot) order;
};
LIST_HEAD(bucket, slot);
TAILQ_HEAD(slot_list, slot);

struct ats_table {
	struct iommusim_ats_settings settings;
	uint64_t shifts;        /* bit n: some entry may have shift n */
	struct slot_list taken; /* the one used last comes first */
	struct slot_list spare;
	struct bucket *buckets; /* behind the slots, in the same block */
	uint32_t bucket_count;  /* a power of two */
	struct slot slots[];
};

/* One page of a DMA on its way. */
struct access {
	struct iommusim_requester *requester;
	struct iommusim_dma_request request; /* of this page alone, untranslated */
	struct iommusim_ats_page *page;
	struct iommusim_ats_settings settings; /* as they were when the device-TLB was asked */
	struct iommusim_ats_entry entry;       /* the translation it is to use */
	uint64_t changes;                      /* of the device-TLB, then */
};

/* ---- the table ----------------------------------------------------------------------------------------- */

static uint64_t low_bits(unsigned shift)
{
	return (UINT64_C(1) << shift) - 1;
}

static uint64_t last_address(const struct iommusim_ats_entry *entry)
{
	return entry->address | low_bits(entry->shift);
}

static size_t table_size(uint32_t entries, uint32_t buckets)
{
	return sizeof(struct ats_table) + entries * sizeof(struct slot) +
	    buckets * sizeof(struct bucket);
}

static struct ats_table *make_table(
    struct iommusim_machine *machine, const struct iommusim_ats_settings *settings)
{
	struct ats_table *table;
	uint32_t buckets = 1;

	while (buckets < settings->entries)
		buckets *= 2;
	table = machine_alloc_zeroed(machine, table_size(settings->entries, buckets));
	if (table == NULL)
		return NULL;
	table->settings = *settings;
	table->buckets = (struct bucket *)(void *)&table->slots[settings->entries];
	table->bucket_count = buckets;
	TAILQ_INIT(&table->taken);
	TAILQ_INIT(&table->spare);
	for (uint32_t i = 0; i < settings->entries; i++)
		TAILQ_INSERT_TAIL(&table->spare, &table->slots[i], order);
	return table;
}

static void free_table(struct iommusim_machine *machine, struct ats_table *table)
{
	if (table != NULL)
		machine_free(machine, table, table_size(table->settings.entries, table->bucket_count));
}

static struct bucket *bucket_of(struct ats_table *table, const struct iommusim_ats_entry *key)
{
	const uint64_t mixed =
	    ((key->address >> key->shift) ^ (uint64_t)key->pasid << 32 ^ key->shift) *
	    UINT64_C(0x9e3779b97f4a7c15);

	return &table->buckets[(mixed >> 32) & (table->bucket_count - 1)];
}

static bool same_key(const struct iommusim_ats_entry *a, const struct iommusim_ats_entry *b)
{
	return a->address == b->address && a->shift == b->shift && a->has_pasid == b->has_pasid &&
	    a->pasid == b->pasid && a->privileged == b->privileged;
}

static struct slot *find(struct ats_table *table, const struct iommusim_ats_entry *key)
{
	struct slot *slot;

	LIST_FOREACH(slot, bucket_of(table, key), bucket)
	if (same_key(&slot->entry, key))
		return slot;
	return NULL;
}

static void drop(struct ats_table *table, struct slot *slot)
{
	slot->taken = false;
	LIST_REMOVE(slot, bucket);
	TAILQ_REMOVE(&table->taken, slot, order);
	TAILQ_INSERT_HEAD(&table->spare, slot, order);
}

/* Room for an entry: its predecessor's, spare, or that of the entry unused longest. */
static struct slot *room_for(struct ats *ats, const struct iommusim_ats_entry *entry)
{
	struct ats_table *table = ats->table;
	struct slot *slot = find(table, entry);

	if (slot == NULL && TAILQ_EMPTY(&table->spare)) {
		slot = TAILQ_LAST(&table->taken, slot_list);
		ats->counters.evictions++;
	}
	if (slot != NULL)
		drop(table, slot);
	slot = TAILQ_FIRST(&table->spare);
	TAILQ_REMOVE(&table->spare, slot, order);
	return slot;
}

static void insert(struct ats *ats, const struct iommusim_ats_entry *entry)
{
	struct ats_table *table = ats->table;
	struct slot *slot = room_for(ats, entry);

	slot->entry = *entry;
	slot->taken = true;
	table->shifts |= UINT64_C(1) << entry->shift;
	LIST_INSERT_HEAD(bucket_of(table, entry), slot, bucket);
	TAILQ_INSERT_HEAD(&table->taken, slot, order);
}

/* Does a device that knows these rights go ahead? A read without bytes needs any of them. */
static bool suffices(const struct iommusim_dma_request *request, unsigned granted)
{
	const unsigned needed = rights_needed(request->kind);

	if (request->has_pasid && request->execute)
		return false; /* units answer EXE=0 always (VT-d 4.2.3) */
	return request->length == 0 ? granted != 0 : (granted & needed) == needed;
}

/* The tags that a request shares with the translations it may use. */
static struct iommusim_ats_entry key_of(const struct iommusim_dma_request *request)
{
	return (struct iommusim_ats_entry){
		.has_pasid = request->has_pasid,
		.pasid = request->has_pasid ? request->pasid : 0,
		.privileged = request->has_pasid && request->privileged,
	};
}

/* An entry with the right, the smallest: after a page was split, that is the one that came last. */
static struct slot *find_right(struct ats_table *table, const struct iommusim_dma_request *request)
{
	struct iommusim_ats_entry key = key_of(request);

	for (uint64_t shifts = table->shifts; shifts != 0; shifts &= shifts - 1) {
		struct slot *slot;

		key.shift = (uint8_t)__builtin_ctzll(shifts);
		key.address = request->address & ~low_bits(key.shift);
		slot = find(table, &key);
		if (slot != NULL && suffices(request, slot->entry.granted))
			return slot;
	}
	return NULL;
}

/* ---- asking, keeping, dropping ------------------------------------------------------------------------- */

enum looked { ATS_IS_OFF, ATS_MISS, ATS_HIT };

static enum looked look_up(struct access *access)
{
	struct ats *ats = requester_ats(access->requester);
	enum looked looked = ATS_IS_OFF;
	struct slot *slot;

	pthread_mutex_lock(&ats->lock);
	if (ats->table != NULL) {
		access->settings = ats->table->settings;
		access->changes = ats->changes;
		ats->counters.lookups++;
		slot = find_right(ats->table, &access->request);
		looked = slot == NULL ? ATS_MISS : ATS_HIT;
		if (slot != NULL) {
			ats->counters.hits++;
			access->entry = slot->entry;
			TAILQ_REMOVE(&ats->table->taken, slot, order);
			TAILQ_INSERT_HEAD(&ats->table->taken, slot, order);
		} else {
			ats->counters.translation_requests++;
		}
	}
	pthread_mutex_unlock(&ats->lock);
	return looked;
}

/*
 * Keep an answer that grants anything: what grants nothing must not be in the way when software has
 * mended it (VT-d 7.1.2). Nor what an invalidation overtook.
 */
static void keep(const struct access *access)
{
	struct ats *ats = requester_ats(access->requester);

	if (access->entry.granted == 0)
		return;
	pthread_mutex_lock(&ats->lock);
	if (ats->changes == access->changes)
		insert(ats, &access->entry);
	pthread_mutex_unlock(&ats->lock);
}

/*
 * With a PASID, what has the same; Global Invalidate, what has any. Without one, what has none; of what
 * has one, see iommusim/ats.h.
 */
static bool is_tagged(const struct ats_table *table, const struct iommusim_ats_entry *entry,
    const struct requester_invalidation *what)
{
	const bool everything = what->first == 0 && what->last == UINT64_MAX;

	if (what->has_pasid)
		return entry->has_pasid && (what->all_pasids || entry->pasid == what->pasid);
	return !entry->has_pasid || everything || table->settings.drops_pasids;
}

static bool is_named(const struct ats_table *table, const struct iommusim_ats_entry *entry,
    const struct requester_invalidation *what)
{
	return entry->address <= what->last && last_address(entry) >= what->first &&
	    is_tagged(table, entry, what);
}

void ats_invalidate(struct ats *ats, const struct requester_invalidation *what)
{
	struct slot *slot, *next;

	pthread_mutex_lock(&ats->lock);
	ats->changes++;
	ats->counters.invalidations++;
	if (ats->table != NULL)
		TAILQ_FOREACH_SAFE (slot, &ats->table->taken, order, next)
			if (is_named(ats->table, &slot->entry, what)) {
				drop(ats->table, slot);
				ats->counters.dropped++;
			}
	pthread_mutex_unlock(&ats->lock);
}

/* ---- one page of a DMA --------------------------------------------------------------------------------- */

/* How much of what was answered an entry stands for: no less than was asked for, no more than fits. */
static uint8_t entry_shift(
    const struct iommusim_ats_settings *settings, const struct iommusim_dma_page *answer)
{
	const uint8_t largest = settings->largest_shift == 0 ? 63 : settings->largest_shift;

	if (answer->page_shift < IOMMUSIM_PAGE_SHIFT)
		return IOMMUSIM_PAGE_SHIFT;
	return answer->page_shift < largest ? answer->page_shift : largest;
}

static void take_answer(struct access *access)
{
	const struct iommusim_dma_page *answer = &access->page->answer;
	const uint8_t shift = entry_shift(&access->settings, answer);

	access->entry = key_of(&access->request);
	access->entry.privileged = answer->privileged;
	access->entry.address = answer->address & ~low_bits(shift);
	access->entry.physical = answer->physical & ~low_bits(shift);
	access->entry.tag = access->request.tag;
	access->entry.shift = shift;
	access->entry.granted = answer->granted;
	access->entry.untranslated_only = answer->untranslated_only;
	access->entry.non_snooped = answer->non_snooped;
}

/* False: it was refused. */
static bool ask(struct access *access)
{
	const struct iommusim_dma_request *wanted = &access->request;
	const struct iommusim_dma_request request = {
		.address = wanted->address & ~low_bits(IOMMUSIM_PAGE_SHIFT),
		.length = 8, /* one translation */
		.kind = IOMMUSIM_DMA_READ,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.has_pasid = wanted->has_pasid,
		.privileged = wanted->privileged,
		.execute = wanted->execute,
		.no_write = access->settings.no_write && wanted->kind == IOMMUSIM_DMA_READ &&
		    wanted->length != 0,
		.pasid = wanted->pasid,
		.tag = wanted->tag,
	};
	struct iommusim_dma_page *answer = &access->page->answer;
	struct iommusim_dma_outcome outcome;

	iommusim_dma(access->requester, &request, &outcome, answer, 1);
	access->page->asked = true;
	if (answer->answered)
		return true;
	if (!answer->faulted) { /* where there is no unit, there is nobody to answer */
		answer->faulted = true;
		answer->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
	}
	return false;
}

/* Send the page, as it is or translated. Bytes that were moved. */
static uint64_t send(struct access *access, bool translated)
{
	struct iommusim_dma_request request = access->request;
	struct iommusim_dma_outcome outcome;

	if (translated) {
		const bool with_pasid = request.has_pasid && access->settings.sends_pasid;

		request.address =
		    access->entry.physical | (request.address & low_bits(access->entry.shift));
		request.address_type = IOMMUSIM_DMA_TRANSLATED;
		request.has_pasid = with_pasid;
		request.privileged = with_pasid && request.privileged;
	}
	iommusim_dma(access->requester, &request, &outcome, &access->page->sent, 1);
	return outcome.bytes_moved;
}

static uint64_t send_by_entry(struct access *access, enum iommusim_ats_way way)
{
	struct iommusim_ats_page *page = access->page;

	page->filled = access->entry.tag;
	page->granted = access->entry.granted;
	page->way = access->entry.untranslated_only ? IOMMUSIM_ATS_UNTRANSLATED : way;
	return send(access, !access->entry.untranslated_only);
}

/* Bytes that were moved. */
static uint64_t go(struct access *access)
{
	struct iommusim_ats_page *page = access->page;

	switch (look_up(access)) {
	case ATS_IS_OFF:
		page->way = IOMMUSIM_ATS_UNTRANSLATED;
		return send(access, false);
	case ATS_HIT:
		return send_by_entry(access, IOMMUSIM_ATS_HIT);
	default:
		break;
	}
	if (!ask(access)) {
		page->way = IOMMUSIM_ATS_REFUSED;
		return 0;
	}
	take_answer(access);
	keep(access);
	if (suffices(&access->request, access->entry.granted))
		return send_by_entry(access, IOMMUSIM_ATS_FRESH);
	page->granted = access->entry.granted;
	page->way = IOMMUSIM_ATS_FAULT;
	return 0;
}

/* ---- a DMA --------------------------------------------------------------------------------------------- */

static bool was_sent(const struct iommusim_ats_page *page)
{
	return page->way != IOMMUSIM_ATS_FAULT && page->way != IOMMUSIM_ATS_REFUSED;
}

static enum iommusim_completion completion_of(
    const struct iommusim_dma_request *request, const struct iommusim_dma_page *sent)
{
	if (sent->fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		return IOMMUSIM_COMPLETION_NOT_ISSUED;
	if (request->kind == IOMMUSIM_DMA_WRITE)
		return IOMMUSIM_COMPLETION_POSTED;
	if (sent->fault.aborts)
		return IOMMUSIM_COMPLETION_COMPLETER_ABORT;
	return sent->faulted || sent->bus_error ? IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST
						: IOMMUSIM_COMPLETION_SUCCESS;
}

static void account(const struct iommusim_dma_request *request, const struct iommusim_ats_page *page,
    struct iommusim_ats_outcome *outcome)
{
	const bool fell_short = !was_sent(page) || page->sent.faulted;
	const bool first_that_did = outcome->faults + outcome->refused + outcome->denied == 0;
	uint64_t *const ways[] = {
		[IOMMUSIM_ATS_HIT] = &outcome->hits,
		[IOMMUSIM_ATS_FRESH] = &outcome->fresh,
		[IOMMUSIM_ATS_UNTRANSLATED] = &outcome->untranslated,
		[IOMMUSIM_ATS_FAULT] = &outcome->faults,
		[IOMMUSIM_ATS_REFUSED] = &outcome->refused,
	};

	if (outcome->page_count == 0 || (fell_short && first_that_did))
		outcome->page = *page;
	outcome->page_count++;
	++*ways[page->way];
	outcome->denied += page->sent.faulted;
	if (was_sent(page) && completion_of(request, &page->sent) > outcome->completion)
		outcome->completion = completion_of(request, &page->sent);
}

enum iommusim_status iommusim_ats_dma(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_ats_outcome *outcome,
    struct iommusim_ats_page *pages, size_t page_capacity)
{
	struct access access = { .requester = requester, .request = *request };
	uint64_t done = 0;

	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED ||
	    requester_check(request) != IOMMUSIM_OK)
		return IOMMUSIM_EINVAL;
	memset(outcome, 0, sizeof(*outcome));
	do {
		const uint64_t address = request->address + done;
		const uint64_t room = IOMMUSIM_PAGE_SIZE - (address & low_bits(IOMMUSIM_PAGE_SHIFT));
		const uint64_t left = request->length - done;
		struct iommusim_ats_page page = { .address = address,
			.length = (uint32_t)(left < room ? left : room) };

		access.page = &page;
		access.request.address = address;
		access.request.length = page.length;
		access.request.data = request->data == NULL ? NULL : (uint8_t *)request->data + done;
		requester_begin_work(requester);
		outcome->bytes_moved += go(&access);
		requester_end_work(requester);
		if (outcome->page_count < page_capacity)
			pages[outcome->page_count] = page;
		account(request, &page, outcome);
		done += page.length;
	} while (done < request->length);
	return IOMMUSIM_OK;
}

void iommusim_ats_page_summary(const struct iommusim_ats_page *page, struct iommusim_dma_page *summary)
{
	const bool kept = page->way == IOMMUSIM_ATS_HIT, fresh = page->way == IOMMUSIM_ATS_FRESH;

	*summary = was_sent(page) ? page->sent : page->answer;
	summary->address = page->address;
	summary->length = page->length;
	if (fresh) {
		summary->cached = page->answer.cached;
		summary->cached_tag = page->answer.cached_tag;
		summary->through_cache = page->answer.through_cache;
	}
	if (kept) {
		summary->cached = true;
		summary->cached_tag = page->filled;
	}
	if (kept || fresh)
		summary->translated = true; /* its unit has said so, if not this time */
	if (page->way != IOMMUSIM_ATS_FAULT)
		return;
	summary->answered = false;
	summary->faulted = true;
	summary->fault.class_ =
	    page->granted == 0 ? IOMMUSIM_FAULT_NOT_PRESENT : IOMMUSIM_FAULT_PERMISSION;
	summary->fault.meaning = "the answer to the device's translation request lacks the right";
}

void iommusim_ats_summary(
    const struct iommusim_ats_outcome *outcome, struct iommusim_dma_outcome *summary)
{
	const uint64_t unsent = outcome->faults + outcome->refused;

	*summary = (struct iommusim_dma_outcome){
		.bytes_moved = outcome->bytes_moved,
		.page_count = outcome->page_count,
		.pages_faulted = unsent + outcome->denied,
		.pages_cached = outcome->hits,
		.completion = outcome->completion,
	};
	iommusim_ats_page_summary(&outcome->page, &summary->page);
	if (summary->page.fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		summary->completion = IOMMUSIM_COMPLETION_NOT_ISSUED;
	else if (unsent > 0 && summary->completion < IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST)
		summary->completion = IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST;
}

/* ---- on and off, and what there is --------------------------------------------------------------------- */

bool ats_create(struct ats *ats)
{
	return pthread_mutex_init(&ats->lock, NULL) == 0;
}

void ats_destroy(struct iommusim_machine *machine, struct ats *ats)
{
	free_table(machine, ats->table);
	pthread_mutex_destroy(&ats->lock);
}

/* From now on the device works with `table`; when this returns nothing works with the one before. */
static void replace_table(struct iommusim_requester *requester, struct ats_table *table)
{
	struct ats *ats = requester_ats(requester);
	struct ats_table *old;

	pthread_mutex_lock(&ats->lock);
	old = ats->table;
	ats->table = table;
	ats->changes++;
	pthread_mutex_unlock(&ats->lock);
	requester_wait(requester);
	free_table(requester_machine(requester), old);
}

enum iommusim_status iommusim_ats_enable(
    struct iommusim_requester *requester, const struct iommusim_ats_settings *settings)
{
	struct iommusim_machine *machine = requester_machine(requester);
	struct ats_table *table = NULL;

	if (settings->entries > IOMMUSIM_ATS_ENTRIES)
		return machine_fail(machine, IOMMUSIM_EINVAL, "a device-TLB of %u entries: %u at most",
		    settings->entries, IOMMUSIM_ATS_ENTRIES);
	if (settings->largest_shift > 63 ||
	    (settings->largest_shift != 0 && settings->largest_shift < IOMMUSIM_PAGE_SHIFT))
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "device-TLB entries of 2^%u bytes: 2^12 to 2^63 are possible",
		    settings->largest_shift);
	if (settings->entries != 0) {
		table = make_table(machine, settings);
		if (table == NULL)
			return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a device-TLB");
	}
	replace_table(requester, table);
	return IOMMUSIM_OK;
}

void iommusim_ats_disable(struct iommusim_requester *requester)
{
	replace_table(requester, NULL);
}

bool iommusim_ats_next(
    struct iommusim_requester *requester, size_t *cursor, struct iommusim_ats_entry *entry)
{
	struct ats *ats = requester_ats(requester);
	bool found = false;

	pthread_mutex_lock(&ats->lock);
	while (!found && ats->table != NULL && *cursor < ats->table->settings.entries) {
		const struct slot *slot = &ats->table->slots[(*cursor)++];

		found = slot->taken;
		if (found)
			*entry = slot->entry;
	}
	pthread_mutex_unlock(&ats->lock);
	return found;
}

void iommusim_ats_counters(struct iommusim_requester *requester, struct iommusim_ats_counters *counters)
{
	struct ats *ats = requester_ats(requester);

	pthread_mutex_lock(&ats->lock);
	*counters = ats->counters;
	pthread_mutex_unlock(&ats->lock);
}
