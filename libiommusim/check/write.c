/* Small pieces of text that the reports are made of. What a report says is report_text.c. */
#include "check/write.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/pci.h>

#define COLUMNS 100u

void write_text(const struct iommusim_text *out, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0)
		out->put(out->context, text,
		    (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void write_wrapped(const struct iommusim_text *out, const char *first, const char *text)
{
	const size_t indent = strlen(first);
	size_t column = indent;

	write_text(out, "%s", first);
	while (*text != '\0') {
		const size_t word = strcspn(text, " ");

		if (column > indent && column + word > COLUMNS) {
			write_text(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		out->put(out->context, text, word);
		column += word;
		text += word;
		if (*text == ' ') {
			if (column + 1 + strcspn(text + 1, " ") <= COLUMNS) {
				out->put(out->context, " ", 1);
				column++;
			} else {
				column = COLUMNS + 1;
			}
			text++;
		}
	}
	write_text(out, "\n");
}

const char *write_size(uint64_t size, char *text)
{
	static const char units[] = "TGMK";

	for (unsigned i = 0, shift = 40; i < 4; i++, shift -= 10) {
		if (size == 0 || (size & ((UINT64_C(1) << shift) - 1)) != 0)
			continue;
		snprintf(text, 24, "%llu%c", (unsigned long long)(size >> shift), units[i]);
		return text;
	}
	snprintf(text, 24, "%llu", (unsigned long long)size);
	return text;
}

const char *write_device(uint16_t segment, uint16_t rid, char *text)
{
	if (segment != 0) {
		snprintf(text, 24, "%04x:%02x:%02x.%u", segment, IOMMUSIM_RID_BUS(rid),
		    IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid));
		return text;
	}
	snprintf(text, 24, "%u/%u/%u", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
	    IOMMUSIM_RID_FUNCTION(rid));
	return text;
}

const char *write_rid(uint16_t segment, uint16_t rid, char *text)
{
	if (segment != 0)
		return write_device(segment, rid, text);
	snprintf(text, 24, "%02x:%02x.%u", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
	    IOMMUSIM_RID_FUNCTION(rid));
	return text;
}

/* What stands between the parentheses, by the kind of call. */
static void write_arguments(
    const struct iommusim_call *call, const char *domain, char *text, size_t size)
{
	char device[24], length[24];

	switch (call->kind) {
	case IOMMUSIM_CALL_CREATE_DOMAIN:
		snprintf(text, size, "0x%llx", (unsigned long long)call->address);
		break;
	case IOMMUSIM_CALL_CREATE_MAPPING:
		snprintf(text, size, "%s, 0x%llx, 0x%llx, 0x%llx", domain,
		    (unsigned long long)call->address, (unsigned long long)call->host_address,
		    (unsigned long long)call->length);
		break;
	case IOMMUSIM_CALL_REMOVE_MAPPING:
		snprintf(text, size, "%s, 0x%llx, 0x%llx", domain, (unsigned long long)call->address,
		    (unsigned long long)call->length);
		break;
	case IOMMUSIM_CALL_ADD_DEVICE:
	case IOMMUSIM_CALL_REMOVE_DEVICE:
		snprintf(text, size, "%s, %s", domain, write_device(call->segment, call->rid, device));
		break;
	case IOMMUSIM_CALL_DESTROY_DOMAIN:
	case IOMMUSIM_CALL_INVALIDATE_TLB:
		snprintf(text, size, "%s", domain);
		break;
	case IOMMUSIM_CALL_DEVICE_ATTACH:
	case IOMMUSIM_CALL_PCI_ADD_DEVICE:
	case IOMMUSIM_CALL_PCI_DELETE_DEVICE:
	case IOMMUSIM_CALL_PPT_ATTACH:
	case IOMMUSIM_CALL_PPT_DETACH:
		snprintf(text, size, "%s", write_device(call->segment, call->rid, device));
		break;
	case IOMMUSIM_CALL_VM_CREATE:
	case IOMMUSIM_CALL_VM_DESTROY:
		snprintf(text, size, "\"%s\"", call->name);
		break;
	case IOMMUSIM_CALL_VM_SETUP_MEMORY:
		snprintf(text, size, "\"%s\", %s", call->name, write_size(call->length, length));
		break;
	case IOMMUSIM_CALL_VM_ASSIGN_PPTDEV:
	case IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV:
		snprintf(text, size, "\"%s\", %s", call->name,
		    write_device(call->segment, call->rid, device));
		break;
	case IOMMUSIM_CALL_SYSCTL_SET:
		snprintf(text, size, "\"%s\", %llu", call->name, (unsigned long long)call->value);
		break;
	default:
		text[0] = '\0';
		break;
	}
}

void write_call(const struct iommusim_remembered_call *call, char *text, size_t size)
{
	char arguments[160];

	write_arguments(&call->outer, call->domain_name, arguments, sizeof(arguments));
	snprintf(text, size, "%s(%s)", iommusim_call_name(call->outer.kind), arguments);
}

void write_inner_call(const struct iommusim_remembered_call *call, char *text, size_t size)
{
	snprintf(text, size, "%s(%s, 0x%llx, 0x%llx)", iommusim_call_name(call->inner_kind),
	    call->domain_name, (unsigned long long)call->inner_address,
	    (unsigned long long)call->inner_length);
}

const char *write_place(const struct iommusim_place *place, char *text)
{
	const char *file = place->file;

	if (place->line == 0)
		return "an unknown place";
	/* A report on a trace speaks of that trace; a test's calls come from many files. */
	if (file == NULL || (strlen(file) > 6 && strcmp(file + strlen(file) - 6, ".iommu") == 0))
		snprintf(text, 160, "line %u", place->line);
	else
		snprintf(text, 160, "%.120s:%u", file, place->line);
	return text;
}
