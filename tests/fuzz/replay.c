/*
 * A fuzzer's harness as an ordinary test, without libFuzzer: every input that was kept, then seeded ones.
 *
 * usage: test_fuzz_NAME [FILE...]   (with files: only these)
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 65536u

#ifndef IOMMUSIM_FUZZ_CORPUS
#error "where are the inputs?"
#endif

static void run_file(const char *path)
{
	static uint8_t data[LONGEST];
	FILE *file = fopen(path, "rb");
	size_t size;
	uint8_t *exact;

	if (file == NULL) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	exact = malloc(size + 1); /* so that a sanitizer sees a read beyond the input's end */
	if (exact == NULL)
		exit(1);
	memcpy(exact, data, size);
	fz_running = path;
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned run_kept(const char *folder)
{
	struct dirent **entries;
	const int count = scandir(folder, &entries, not_hidden, alphasort);
	char path[4096];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		run_file(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count < 0 ? 0 : (unsigned)count;
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run_seeded(uint64_t seed)
{
	uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	const size_t size = 16 + next(&state) % 240;
	uint8_t data[256];
	char name[32];

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(next(&state) >> 32);
	snprintf(name, sizeof(name), "seed %u", (unsigned)seed);
	fz_running = name;
	LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	const char *wanted = getenv("IOMMUSIM_FUZZ_SEEDS");
	const unsigned seeds = wanted == NULL ? 3000 : (unsigned)strtoul(wanted, NULL, 10);
	unsigned kept;

	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return 0;
	kept = run_kept(IOMMUSIM_FUZZ_CORPUS);
	for (unsigned seed = 0; seed < seeds; seed++)
		run_seeded(seed);
	printf("%u kept inputs and %u seeded ones\n", kept, seeds);
	return 0;
}
