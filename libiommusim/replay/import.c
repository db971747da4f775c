/* Importing a capture: the entry point, going over its lines, and writing the trace. No source's own words. */
#include "iommusim/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/pci.h>

#include "machine/state.h"
#include "replay/import.h"

static const char *const source_names[] = {
	[IOMMUSIM_IMPORT_DTRACE] = "dtrace",
	[IOMMUSIM_IMPORT_FTRACE] = "ftrace",
	[IOMMUSIM_IMPORT_QEMU] = "qemu",
};

enum { SOURCES = sizeof(source_names) / sizeof(source_names[0]) };

/* RAM as on a PC: what does not fit below 4 GiB lies above. */
#define LOW_RAM  (UINT64_C(3) << 30)
#define HIGH_RAM (UINT64_C(4) << 30)
#define RAM_STEP (UINT64_C(1) << 30)
/* More is not worth the host domain's page tables: what lies above is mapped all the same. */
#define MOST_RAM (UINT64_C(64) << 30)
/* What the unit of the default preset translates; a server's takes 48 bits. */
#define CLIENT_ADDRESSES (UINT64_C(1) << 39)
#define SERVER_ADDRESSES (UINT64_C(1) << 48)
#define MOST_ADDRESSES   (UINT64_C(1) << 63)
#define PROGRESS_MASK    0x3fffu /* lines between two reports */

const char *iommusim_import_source_name(enum iommusim_import_source source)
{
	return (unsigned)source < SOURCES ? source_names[source] : "unknown source";
}

enum iommusim_status iommusim_import_source_find(const char *name, enum iommusim_import_source *source)
{
	for (unsigned i = 0; i < SOURCES; i++) {
		if (strcmp(name, source_names[i]) != 0)
			continue;
		*source = (enum iommusim_import_source)i;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

void import_rewind(struct importer *importer)
{
	importer->pass += importer->number != 0;
	importer->line = (struct slice){ NULL, 0 };
	importer->number = 0;
}

static void report_progress(struct importer *importer, const char *at)
{
	const struct iommusim_import_options *options = importer->options;
	const uint64_t length = (uint64_t)(importer->end - importer->text);

	if (options->on_progress != NULL)
		options->on_progress(options->context,
		    importer->pass * length + (uint64_t)(at - importer->text),
		    importer->passes * length);
}

bool import_next_line(struct importer *importer)
{
	const char *at = importer->text, *newline;

	if (importer->line.at != NULL) {
		at = importer->line.at + importer->line.length;
		at += at != importer->end;
	}
	if (at == importer->end || importer->out_of_memory)
		return false;
	if ((importer->number & PROGRESS_MASK) == PROGRESS_MASK)
		report_progress(importer, at);
	newline = memchr(at, '\n', (size_t)(importer->end - at));
	if (newline == NULL)
		newline = importer->end;
	importer->line = (struct slice){ at, (size_t)(newline - at) };
	importer->number++;
	return true;
}

enum iommusim_status import_refuse(struct importer *importer, const char *expected)
{
	struct iommusim_diagnostic *problem = importer->diagnostic;

	*problem = (struct iommusim_diagnostic){
		.status = IOMMUSIM_EFORMAT,
		.line = importer->strange_line == 0 ? 1 : importer->strange_line,
		.column = importer->strange_column == 0 ? 1 : importer->strange_column,
		.offset = UINT64_MAX,
	};
	snprintf(problem->text, sizeof(problem->text), "%s: expected %s",
	    importer->text == importer->end ? "an empty file" : "no line of this capture can be read",
	    expected);
	return IOMMUSIM_EFORMAT;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

void import_flush(struct importer *importer)
{
	if (importer->filled != 0)
		importer->out->put(importer->out->context, importer->block, importer->filled);
	importer->filled = 0;
}

void import_put(struct importer *importer, const char *format, ...)
{
	enum { LONGEST = 512 };
	va_list arguments;
	int length;

	if (sizeof(importer->block) - importer->filled < LONGEST)
		import_flush(importer);
	va_start(arguments, format);
	length = vsnprintf(importer->block + importer->filled, LONGEST, format, arguments);
	va_end(arguments);
	if (length > 0)
		importer->filled += (size_t)length < LONGEST ? (size_t)length : LONGEST - 1;
}

void import_put_text(struct importer *importer, struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		const unsigned char c = (unsigned char)text.at[i];

		if (c == '\t' || (c >= ' ' && c <= '~')) {
			if (importer->filled == sizeof(importer->block))
				import_flush(importer);
			importer->block[importer->filled++] = (char)c;
		} else {
			import_put(importer, "\\x%02x", c);
		}
	}
}

void import_put_device(struct importer *importer, uint16_t segment, uint16_t rid)
{
	if (segment != 0)
		import_put(importer, "%04x:", segment);
	import_put(importer, "%02x:%02x.%u", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
	    IOMMUSIM_RID_FUNCTION(rid));
}

void import_keep(struct importer *importer, const char *why)
{
	const struct slice text = import_trim(importer->line);

	import_put(importer, "# %u: ", importer->number);
	if (why != NULL)
		import_put(importer, "%s: ", why);
	import_put_text(importer, text);
	import_put(importer, "\n");
}

void import_complain(
    struct importer *importer, enum iommusim_import_notice why, const char *at, const char *what)
{
	const struct iommusim_import_options *options = importer->options;
	struct iommusim_import_summary *summary = importer->summary;
	const uint32_t column = at == NULL ? 1 : (uint32_t)(at - importer->line.at) + 1;

	switch (why) {
	case IOMMUSIM_IMPORT_UNREADABLE:
		summary->unreadable++;
		break;
	case IOMMUSIM_IMPORT_MALFORMED:
		summary->malformed++;
		break;
	case IOMMUSIM_IMPORT_LOST:
	default:
		summary->lost_places++;
		break;
	}
	if (options->on_notice != NULL)
		options->on_notice(options->context, why, importer->number, column, what);
	import_keep(importer, what);
}

/* ---- the machine --------------------------------------------------------------------------------------- */

enum iommusim_vendor import_vendor(const struct importer *importer, enum iommusim_vendor captured)
{
	if (importer->options->vendor != IOMMUSIM_VENDOR_OF_TRACE)
		return importer->options->vendor;
	return captured == IOMMUSIM_VENDOR_OF_TRACE ? IOMMUSIM_VENDOR_VTD : captured;
}

uint64_t import_domain_end(enum iommusim_vendor vendor, uint64_t end)
{
	const uint64_t most = vendor == IOMMUSIM_VENDOR_VTD ? SERVER_ADDRESSES : MOST_ADDRESSES;
	uint64_t power = HIGH_RAM;

	while (power < end && power < most)
		power <<= 1;
	return power;
}

void import_put_preset(struct importer *importer, enum iommusim_vendor vendor, uint64_t address_end)
{
	if (vendor == IOMMUSIM_VENDOR_VTD && address_end > CLIENT_ADDRESSES)
		import_put(importer, ", preset=\"skylake-sp\"");
}

void import_put_machine(struct importer *importer, const char *iommu, uint64_t highest)
{
	uint64_t memory = importer->options->memory;

	if (memory == 0) {
		memory = highest > HIGH_RAM ? highest - HIGH_RAM + LOW_RAM : highest;
		if (memory < RAM_STEP)
			memory = RAM_STEP;
		if (memory > MOST_RAM) {
			import_put(importer,
			    "# The capture uses memory up to 0x%llx; addresses above this "
			    "machine's RAM have nothing behind them.\n",
			    (unsigned long long)highest);
			memory = MOST_RAM;
		}
		memory = (memory + RAM_STEP - 1) & ~(RAM_STEP - 1);
	}
	if (memory % RAM_STEP == 0)
		import_put(importer, "machine(iommu=%s, memory=%lluG", iommu,
		    (unsigned long long)(memory / RAM_STEP));
	else
		import_put(
		    importer, "machine(iommu=%s, memory=0x%llx", iommu, (unsigned long long)memory);
	importer->summary->statements++;
}

/* ---- the entry point ----------------------------------------------------------------------------------- */

static enum iommusim_status give_up(
    struct iommusim_diagnostic *diagnostic, enum iommusim_status status, const char *text)
{
	*diagnostic = (struct iommusim_diagnostic){ .status = status, .offset = UINT64_MAX };
	snprintf(diagnostic->text, sizeof(diagnostic->text), "%s", text);
	return status;
}

static enum iommusim_status run(struct importer *importer, enum iommusim_import_source source)
{
	enum iommusim_status status;

	switch (source) {
	case IOMMUSIM_IMPORT_DTRACE:
		status = import_dtrace(importer);
		break;
	case IOMMUSIM_IMPORT_FTRACE:
		status = import_ftrace(importer);
		break;
	case IOMMUSIM_IMPORT_QEMU:
	default:
		status = import_qemu(importer);
		break;
	}
	if (importer->out_of_memory)
		status = give_up(importer->diagnostic, IOMMUSIM_ENOMEM, "out of memory");
	import_flush(importer);
	return status;
}

enum iommusim_status iommusim_import(enum iommusim_import_source source, const char *text,
    size_t length, const struct iommusim_import_options *options, const struct iommusim_text *out,
    struct iommusim_import_summary *summary, struct iommusim_diagnostic *diagnostic)
{
	static const struct iommusim_import_options defaults;
	struct iommusim_allocator allocator;
	struct importer *importer;
	enum iommusim_status status;

	options = options == NULL ? &defaults : options;
	*summary = (struct iommusim_import_summary){ .lines = 0 };
	*diagnostic = (struct iommusim_diagnostic){ .status = IOMMUSIM_OK, .offset = UINT64_MAX };
	if (!machine_choose_allocator(options->allocator, &allocator))
		return give_up(diagnostic, IOMMUSIM_EINVAL, "an allocator with a missing callback");
	importer = allocator.allocate(allocator.context, sizeof(*importer));
	if (importer == NULL)
		return give_up(diagnostic, IOMMUSIM_ENOMEM, "out of memory");
	memset(importer, 0, sizeof(*importer));
	importer->options = options;
	importer->summary = summary;
	importer->diagnostic = diagnostic;
	importer->out = out;
	importer->allocator = allocator;
	importer->text = text == NULL ? "" : text;
	importer->end = importer->text + (text == NULL ? 0 : length);
	importer->passes = 2;
	status = run(importer, source);
	allocator.release(allocator.context, importer, sizeof(*importer));
	return status;
}
