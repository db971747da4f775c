/*
 * The order of what vmm-iommu.d printed: each processor's lines come in batches, entry and return of a call stand
 * apart, and a call may leave without return. Writing what results is done in import_dtrace_call.c.
 */
#include <string.h>

#include "replay/import_dtrace.h"

/* By time; of one call the return first, which knows more than the entry. */
static bool is_before(const struct vmm_record *a, const struct vmm_record *b)
{
	if (a->entry != b->entry)
		return a->entry < b->entry;
	if (a->thread != b->thread)
		return a->thread < b->thread;
	if (a->call != b->call)
		return a->call < b->call;
	if (a->returned != b->returned)
		return a->returned;
	return a->line < b->line;
}

static void merge(struct vmm_record *to, const struct vmm_record *left, size_t left_count,
    const struct vmm_record *right, size_t right_count)
{
	while (left_count != 0 && right_count != 0) {
		if (is_before(right, left)) {
			*to++ = *right++;
			right_count--;
		} else {
			*to++ = *left++;
			left_count--;
		}
	}
	memcpy(to, left, left_count * sizeof(*to));
	memcpy(to + left_count, right, right_count * sizeof(*to));
}

/* Bottom up; qsort() would not say what memory it takes. */
static bool sort(struct importer *importer, struct vmm_record *records, size_t count)
{
	const size_t size = count * sizeof(*records);
	struct vmm_record *from = records, *to, *other;

	other = count < 2 ? NULL : importer->allocator.allocate(importer->allocator.context, size);
	if (other == NULL)
		return count < 2;
	to = other;
	for (size_t width = 1; width < count; width *= 2) {
		struct vmm_record *const swap = from;

		for (size_t at = 0; at < count; at += 2 * width) {
			const size_t left = count - at < width ? count - at : width;
			const size_t rest = count - at - left;

			merge(to + at, from + at, left, from + at + left, rest < width ? rest : width);
		}
		from = to;
		to = swap;
	}
	if (from != records)
		memcpy(records, from, size);
	import_release(importer, other, size);
	return true;
}

/* The entry of a call whose return is there too says nothing more. */
static size_t pair(struct vmm_record *records, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct vmm_record *last = kept == 0 ? NULL : &records[kept - 1];

		if (last != NULL && last->returned && !records[i].returned &&
		    last->entry == records[i].entry && last->thread == records[i].thread &&
		    last->call == records[i].call)
			continue;
		records[kept++] = records[i];
	}
	return kept;
}

/*
 * A domain that was made for an iommu_create_domain() without return: the last one its thread made before it
 * creates another. The first of two is the host's, made while the IOMMU was initialised.
 */
static bool find_results(struct importer *importer, struct vmm_record *records, size_t count)
{
	struct import_map open = { .room = 0 };
	bool enough = true;

	for (size_t i = 0; enough && i < count; i++) {
		const struct vmm_record *record = &records[i];
		const uint32_t *creator;

		if (record->call == VMM_CREATE_DOMAIN) {
			enough = import_map_put(importer, &open, record->thread, (uint32_t)i);
			continue;
		}
		creator = import_map_find(&open, record->thread);
		if (record->call != VMM_MADE || creator == NULL || records[*creator].returned)
			continue;
		records[*creator].result = record->arguments[VMM_DOMAIN];
		records[*creator].has_result = true;
		records[*creator].exit = record->entry;
	}
	import_map_free(importer, &open);
	return enough;
}

/* What a thread maps and adds before its iommu_create_domain() has come back initialises the IOMMU. */
static bool find_init(struct importer *importer, struct vmm_record *records, size_t count)
{
	struct import_map open = { .room = 0 };
	bool enough = true;

	for (size_t i = 0; enough && i < count; i++) {
		struct vmm_record *record = &records[i];
		const uint32_t *creator;

		if (record->call == VMM_CREATE_DOMAIN) {
			enough = import_map_put(importer, &open, record->thread, (uint32_t)i);
			continue;
		}
		creator = import_map_find(&open, record->thread);
		if (creator == NULL || record->entry >= records[*creator].exit ||
		    (record->call != VMM_CREATE_MAPPING && record->call != VMM_ADD_DEVICE))
			continue;
		/* without an end, only what one init does: it maps first, and all of it to itself */
		if (records[*creator].exit == UINT64_MAX && !records[*creator].does_init &&
		    (record->call != VMM_CREATE_MAPPING ||
			record->arguments[VMM_GPA] != record->arguments[VMM_HPA]))
			continue;
		record->in_init = true;
		records[*creator].does_init = true;
	}
	import_map_free(importer, &open);
	return enough;
}

bool dtrace_order(struct importer *importer, struct vmm_record *records, size_t *count)
{
	if (!sort(importer, records, *count))
		importer->out_of_memory = true;
	if (importer->out_of_memory)
		return false;
	*count = pair(records, *count);
	return find_results(importer, records, *count) && find_init(importer, records, *count);
}
