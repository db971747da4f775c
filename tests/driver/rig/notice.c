/* What was noticed of a driver in a story: kept by name, said in the end. */
#include "tests/driver/rig/rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommusim/mmio.h>

#define MOST_READS 50000u /* of one register, and nothing else: whoever waits so long waits for ever */
#define KINDS      64u

static const char *noticed[KINDS]; /* names are literals, or the library's */
static size_t noticed_count;

static void remember(const char *name)
{
	for (size_t i = 0; i < noticed_count; i++)
		if (strcmp(noticed[i], name) == 0)
			return;
	if (noticed_count < KINDS)
		noticed[noticed_count++] = name;
}

void rig_notice(const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	remember(name);
}

void rig_notice_findings(void)
{
	const struct iommusim_finding *finding;

	iommusim_check_finish(rig.check);
	for (size_t i = 0; (finding = iommusim_check_finding(rig.check, i)) != NULL; i++)
		if (!iommusim_finding_is_advice(finding->id))
			rig_notice(iommusim_finding_name(finding->id), "%s", finding->text);
}

static uint64_t reads, read_address;

static void on_access(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	(void)context;
	(void)width;
	if (is_write || address != read_address)
		reads = 0;
	read_address = address;
	if (!is_write && ++reads == MOST_READS) {
		rig_notice("poll", "register %#llx was read %u times in a row, and is %#llx",
		    (unsigned long long)address, MOST_READS, (unsigned long long)value);
		rig_finish();
	}
}

void rig_watch_polls(void)
{
	const struct iommusim_mmio_watcher watcher = { .context = &rig, .access = on_access };

	rig_must(iommusim_mmio_watch(rig.machine, &watcher), "analyser");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void rig_finish(void)
{
	if (rig.check != NULL)
		rig_notice_findings();
	if (rig.kernel != NULL)
		fprintf(stderr, "console:\n%s", iommusim_kernel_console(rig.kernel));
	qsort(noticed, noticed_count, sizeof(*noticed), by_name);
	for (size_t i = 0; i < noticed_count; i++)
		puts(noticed[i]);
	if (noticed_count == 0)
		puts("clean");
	fflush(stdout);
	_exit(0); /* the driver may be anywhere, in a signal handler even */
}
