/*
 * One cache of a remapping unit (IOTLB, context cache, ...) under the four policies. It knows tags and
 * eviction; what an entry means and when it may be used is the model's business.
 *
 * Thread-safety: the caller holds the unit's lock around every call.
 */
#ifndef IOMMUSIM_MODELS_CACHE_H
#define IOMMUSIM_MODELS_CACHE_H

#include "machine/unit_model.h"

/* One cached answer. What `value` holds is the user's business. */
struct cached {
	uint64_t key; /* page address (IOTLB), source id (context cache) or PASID */
	uint64_t value[3];
	uint64_t tag;  /* of the request that filled it */
	uint64_t used; /* when it last answered: for LRU */
	uint32_t next; /* in its bucket; CACHE_END ends it */
	uint32_t pasid;
	uint16_t domain;
	uint16_t source;
	uint8_t shift; /* log2 of what the entry covers; 0 when `key` is no address */
	uint8_t rights;
	uint8_t kind;  /* of entry, 0..7: the user's business, but for invalidation by kind */
	uint8_t flags; /* CACHED_...: whose requests it serves */
};

/*
 * A cached entry that serves requests with a PASID, its own; or privileged ones; or spaces that protect
 * read-only pages from those, or that have every page snooped.
 */
enum {
	CACHED_WITH_PASID = 1,
	CACHED_PRIVILEGED = 2,
	CACHED_WRITE_PROTECTED = 4,
	CACHED_PAGE_SNOOPED = 8
};

/* Whose request it is, to find what such requests filled. */
struct cache_source {
	uint16_t source;
	uint8_t flags;
	uint8_t kind;    /* looked at with `in_domain`, both */
	uint16_t domain; /* what it filled in another domain, before its device moved, is passed over */
	bool in_domain;
	uint32_t pasid; /* looked at with CACHED_WITH_PASID */
};

/* An address space, to find what anyone's requests to it filled. */
struct cache_space {
	uint16_t domain;
	uint8_t kind;
	uint8_t flags;
	bool by_pasid;
	uint32_t pasid;
};

#define CACHE_END UINT32_MAX

struct cache {
	struct iommusim_machine *machine;
	enum iommusim_cache_policy policy;
	struct cached *entries;
	uint32_t *buckets;
	uint32_t bucket_count; /* a power of two */
	uint32_t capacity;
	uint32_t count;  /* entries[0..count) are in use, without gaps */
	uint32_t ways;   /* entries a bucket holds at most; 0: no limit */
	uint64_t shifts; /* bit n: some entry may have shift n */
	uint64_t clock;
	uint64_t random;
};

/* Which entries an invalidation takes. A member that is off does not restrict. */
struct cache_filter {
	bool by_domain;
	bool by_pasid;
	bool by_source;
	bool by_range;
	uint8_t kinds; /* as bits; 0: all */
	uint16_t domain;
	uint32_t pasid;
	uint16_t source;
	uint16_t source_ignore; /* bits of the source id that are not compared */
	uint64_t first;         /* range of addresses, both inclusive */
	uint64_t last;
};

/*
 * The lock of a unit, to keep what was found: false, and no lock, if anything was invalidated since
 * `generation`, for it may have read what the invalidation was about.
 */
static inline bool cache_may_keep(struct iommusim_unit *unit, uint64_t generation)
{
	pthread_mutex_lock(&unit->lock);
	if (atomic_load(&unit->generation) == generation)
		return true;
	pthread_mutex_unlock(&unit->lock);
	return false;
}

/*
 * Set up an empty cache. `sets` and `ways` count for `sized` alone. Returns OK or ENOMEM (only `sized`
 * allocates here; the others grow as they go, and a failed growth simply caches nothing).
 */
enum iommusim_status cache_create(struct cache *cache, struct iommusim_machine *machine,
    enum iommusim_cache_policy policy, uint32_t sets, uint32_t ways, uint64_t seed);
void cache_destroy(struct cache *cache);

/* The entry that covers `key` and was filled by such a request; NULL when there is none. */
const struct cached *cache_find_source(
    struct cache *cache, const struct cache_source *source, uint64_t key);

/* The same for one who only looks: the cache is as it was, whatever its policy. */
const struct cached *cache_peek_source(
    const struct cache *cache, const struct cache_source *source, uint64_t key);

/* The entry that covers `key` in a space, whoever filled it. */
const struct cached *cache_find_space(
    struct cache *cache, const struct cache_space *space, uint64_t key);

/* Keep `entry`, replacing one of the same key, size, source and domain. Its `next`, `used` are ours. */
void cache_insert(struct cache *cache, const struct cached *entry);

void cache_clear(struct cache *cache);
void cache_invalidate(struct cache *cache, const struct cache_filter *filter);

/* `adverse`: should hardware be contrary now? True about one time in `odds`; else always false. */
bool cache_whim(struct cache *cache, unsigned odds);
/* `adverse`: should it fetch what comes next, too? Without the lock of `unit`, whose cache it is. */
bool cache_prefetches(struct iommusim_unit *unit, struct cache *cache);

#endif
