/* A unit's cache: buckets of chained entries, kept without gaps so that they can be walked and drawn. */
#include "models/common/cache.h"

#include <string.h>

#include "models/common/random.h"

#define FIRST_BUCKETS 64u
#define DEFAULT_SETS  64u
#define DEFAULT_WAYS  8u
#define EVICTION_ODDS 8u /* `adverse` drops an entry at one look-up in eight */
#define PREFETCH_ODDS 4u
#define PROBED_PAGES  64u /* a range of more pages than this is searched entry by entry */

enum iommusim_status cache_create(struct cache *cache, struct iommusim_machine *machine,
    enum iommusim_cache_policy policy, uint32_t sets, uint32_t ways, uint64_t seed)
{
	memset(cache, 0, sizeof(*cache));
	cache->machine = machine;
	cache->policy = policy;
	cache->random = seed;
	if (policy != IOMMUSIM_CACHE_SIZED)
		return IOMMUSIM_OK;
	sets = sets == 0 ? DEFAULT_SETS : sets;
	ways = ways == 0 ? DEFAULT_WAYS : ways;
	if ((sets & (sets - 1)) != 0 || sets > 1u << 20 || ways > 64)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "a cache of %u sets and %u ways: sets must be a power of two up to 2^20, ways at "
		    "most 64",
		    sets, ways);
	cache->buckets = machine_alloc(machine, sets * sizeof(*cache->buckets));
	cache->entries = machine_alloc(machine, (size_t)sets * ways * sizeof(*cache->entries));
	if (cache->buckets == NULL || cache->entries == NULL) {
		machine_free(machine, cache->buckets, sets * sizeof(*cache->buckets));
		machine_free(machine, cache->entries, (size_t)sets * ways * sizeof(*cache->entries));
		cache->buckets = NULL;
		cache->entries = NULL;
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a cache");
	}
	cache->bucket_count = sets;
	cache->ways = ways;
	cache->capacity = sets * ways;
	cache_clear(cache);
	return IOMMUSIM_OK;
}

void cache_destroy(struct cache *cache)
{
	machine_free(cache->machine, cache->entries, cache->capacity * sizeof(*cache->entries));
	machine_free(cache->machine, cache->buckets, cache->bucket_count * sizeof(*cache->buckets));
	cache->entries = NULL;
	cache->buckets = NULL;
	cache->count = cache->capacity = cache->bucket_count = 0;
}

static uint32_t bucket_of(const struct cache *cache, uint64_t key, unsigned shift)
{
	const uint64_t page = (key >> shift) + ((uint64_t)shift << 56);

	return (uint32_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (cache->bucket_count - 1);
}

static void link_entry(struct cache *cache, uint32_t index)
{
	struct cached *entry = &cache->entries[index];
	uint32_t *head = &cache->buckets[bucket_of(cache, entry->key, entry->shift)];

	entry->next = *head;
	*head = index;
}

/* Where the chain points at `index`. */
static uint32_t *pointer_to(struct cache *cache, uint32_t index)
{
	const struct cached *entry = &cache->entries[index];
	uint32_t *at = &cache->buckets[bucket_of(cache, entry->key, entry->shift)];

	while (*at != index)
		at = &cache->entries[*at].next;
	return at;
}

/* Remove one entry; the last one moves into its place. */
static void drop(struct cache *cache, uint32_t index)
{
	const uint32_t last = cache->count - 1;

	*pointer_to(cache, index) = cache->entries[index].next;
	if (index != last) {
		*pointer_to(cache, last) = index;
		cache->entries[index] = cache->entries[last];
	}
	cache->count = last;
}

void cache_clear(struct cache *cache)
{
	cache->count = 0;
	cache->shifts = 0;
	if (cache->buckets != NULL)
		memset(cache->buckets, 0xff, cache->bucket_count * sizeof(*cache->buckets));
}

bool cache_whim(struct cache *cache, unsigned odds)
{
	return cache->policy == IOMMUSIM_CACHE_ADVERSE && random_next(&cache->random) % odds == 0;
}

bool cache_prefetches(struct iommusim_unit *unit, struct cache *cache)
{
	bool wanted;

	pthread_mutex_lock(&unit->lock);
	wanted = cache_whim(cache, PREFETCH_ODDS);
	pthread_mutex_unlock(&unit->lock);
	return wanted;
}

/* The PASID and the privilege of a request without a PASID are its source's: they need no comparing. */
static bool serves_source(const struct cached *entry, const struct cache_source *source)
{
	if (entry->source != source->source ||
	    ((entry->flags ^ source->flags) & CACHED_WITH_PASID) != 0)
		return false;
	if (source->in_domain && (entry->domain != source->domain || entry->kind != source->kind))
		return false;
	return (source->flags & CACHED_WITH_PASID) == 0 ||
	    (entry->pasid == source->pasid &&
		((entry->flags ^ source->flags) & CACHED_PRIVILEGED) == 0);
}

static bool serves_space(const struct cached *entry, const struct cache_space *space)
{
	return entry->domain == space->domain && entry->kind == space->kind &&
	    ((entry->flags ^ space->flags) & ~CACHED_WITH_PASID) == 0 &&
	    (!space->by_pasid || entry->pasid == space->pasid);
}

/* One of `source` and `space` says what to look for. */
static inline struct cached *look_up(const struct cache *cache, const struct cache_source *source,
    const struct cache_space *space, uint64_t key)
{
	if (cache->count == 0)
		return NULL;
	for (uint64_t shifts = cache->shifts; shifts != 0; shifts &= shifts - 1) {
		const unsigned shift = (unsigned)__builtin_ctzll(shifts);
		uint32_t index = cache->buckets[bucket_of(cache, key, shift)];

		for (; index != CACHE_END; index = cache->entries[index].next) {
			struct cached *entry = &cache->entries[index];

			if (entry->shift != shift || entry->key >> shift != key >> shift ||
			    !(source != NULL ? serves_source(entry, source)
					     : serves_space(entry, space)))
				continue;
			return entry;
		}
	}
	return NULL;
}

static const struct cached *find(struct cache *cache, const struct cache_source *source,
    const struct cache_space *space, uint64_t key)
{
	struct cached *entry;

	if (cache->count > 0 && cache_whim(cache, EVICTION_ODDS))
		drop(cache, (uint32_t)(random_next(&cache->random) % cache->count));
	entry = look_up(cache, source, space, key);
	if (entry != NULL)
		entry->used = ++cache->clock;
	return entry;
}

const struct cached *cache_peek_source(
    const struct cache *cache, const struct cache_source *source, uint64_t key)
{
	return look_up(cache, source, NULL, key);
}

const struct cached *cache_find_source(
    struct cache *cache, const struct cache_source *source, uint64_t key)
{
	return find(cache, source, NULL, key);
}

const struct cached *cache_find_space(
    struct cache *cache, const struct cache_space *space, uint64_t key)
{
	return find(cache, NULL, space, key);
}

/* Room for one more entry: more buckets and entries, or, in `sized`, the oldest of the bucket. */
static bool make_room(struct cache *cache, uint64_t key, unsigned shift)
{
	uint32_t count = cache->capacity == 0 ? FIRST_BUCKETS : cache->capacity * 2;
	struct cached *entries;
	uint32_t *buckets;

	if (cache->ways != 0) {
		uint32_t held = 0, oldest = CACHE_END;
		uint32_t index = cache->buckets[bucket_of(cache, key, shift)];

		for (; index != CACHE_END; index = cache->entries[index].next, held++)
			if (oldest == CACHE_END ||
			    cache->entries[index].used < cache->entries[oldest].used)
				oldest = index;
		if (held == cache->ways)
			drop(cache, oldest);
		return true;
	}
	if (cache->count < cache->capacity)
		return true;
	if (count > 1u << 30)
		return false;
	entries = machine_alloc(cache->machine, count * sizeof(*entries));
	buckets = machine_alloc(cache->machine, count * sizeof(*buckets));
	if (entries == NULL || buckets == NULL) {
		machine_free(cache->machine, entries, count * sizeof(*entries));
		machine_free(cache->machine, buckets, count * sizeof(*buckets));
		return false;
	}
	if (cache->count > 0)
		memcpy(entries, cache->entries, cache->count * sizeof(*entries));
	machine_free(cache->machine, cache->entries, cache->capacity * sizeof(*entries));
	machine_free(cache->machine, cache->buckets, cache->bucket_count * sizeof(*buckets));
	cache->entries = entries;
	cache->buckets = buckets;
	cache->capacity = cache->bucket_count = count;
	memset(buckets, 0xff, count * sizeof(*buckets));
	for (uint32_t i = 0; i < cache->count; i++)
		link_entry(cache, i);
	return true;
}

static bool same_entry(const struct cached *a, const struct cached *b)
{
	return a->key == b->key && a->shift == b->shift && a->source == b->source &&
	    a->domain == b->domain && a->pasid == b->pasid && a->kind == b->kind &&
	    a->flags == b->flags;
}

void cache_insert(struct cache *cache, const struct cached *wanted)
{
	uint32_t index = CACHE_END;

	if (cache->policy == IOMMUSIM_CACHE_NONE)
		return;
	if (cache->bucket_count != 0)
		index = cache->buckets[bucket_of(cache, wanted->key, wanted->shift)];
	while (index != CACHE_END && !same_entry(&cache->entries[index], wanted))
		index = cache->entries[index].next;
	if (index != CACHE_END) {
		const uint32_t next = cache->entries[index].next;

		cache->entries[index] = *wanted;
		cache->entries[index].next = next;
	} else {
		if (!make_room(cache, wanted->key, wanted->shift))
			return;
		index = cache->count++;
		cache->entries[index] = *wanted;
		link_entry(cache, index);
	}
	cache->entries[index].used = ++cache->clock;
	cache->shifts |= UINT64_C(1) << wanted->shift;
}

static bool taken(const struct cached *entry, const struct cache_filter *filter)
{
	const uint64_t last = entry->key | ((UINT64_C(1) << entry->shift) - 1);

	if (filter->kinds != 0 && (filter->kinds >> entry->kind & 1) == 0)
		return false;
	if (filter->by_domain && entry->domain != filter->domain)
		return false;
	if (filter->by_pasid && entry->pasid != filter->pasid)
		return false;
	if (filter->by_source && ((entry->source ^ filter->source) & ~filter->source_ignore) != 0)
		return false;
	return !filter->by_range || (entry->key <= filter->last && last >= filter->first);
}

/* Only the buckets in which an entry that overlaps a small range can be. */
static void invalidate_probing(struct cache *cache, const struct cache_filter *filter)
{
	for (uint64_t shifts = cache->shifts; shifts != 0; shifts &= shifts - 1) {
		const unsigned shift = (unsigned)__builtin_ctzll(shifts);
		const uint64_t end = filter->last >> shift;

		for (uint64_t page = filter->first >> shift; page <= end; page++) {
			uint32_t index = cache->buckets[bucket_of(cache, page << shift, shift)];

			while (index != CACHE_END) {
				const bool hit = taken(&cache->entries[index], filter);

				if (!hit) {
					index = cache->entries[index].next;
					continue;
				}
				drop(cache, index); /* may move entries: look at the bucket anew */
				index = cache->buckets[bucket_of(cache, page << shift, shift)];
			}
		}
	}
}

void cache_invalidate(struct cache *cache, const struct cache_filter *filter)
{
	if (!filter->by_domain && !filter->by_pasid && !filter->by_source && !filter->by_range &&
	    filter->kinds == 0) {
		cache_clear(cache);
		return;
	}
	if (cache->count == 0)
		return;
	if (filter->by_range && (filter->last - filter->first) >> IOMMUSIM_PAGE_SHIFT < PROBED_PAGES) {
		invalidate_probing(cache, filter);
		return;
	}
	for (uint32_t i = 0; i < cache->count;)
		if (taken(&cache->entries[i], filter))
			drop(cache, i);
		else
			i++;
}
