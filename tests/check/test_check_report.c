/*
 * What a person reads: the report of a DMA as text and as JSON, and why the IOMMU never came to be.
 */
#include "check/bent_backend.h"

#include <stdio.h>

#include <json-c/json.h>

#define VM_SIZE (2 * MIB)

static void at_line(struct host *host, uint32_t line)
{
	iommusim_check_set_place(
	    host->check, &(struct iommusim_place){ .file = "story.iommu", .line = line });
}

static struct iommusim_report judge(struct host *host, struct iommusim_requester *device,
    enum iommusim_dma_kind kind, uint64_t address, uint64_t length, const char *for_vm)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .tag = 9
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, for_vm, &report));
	return report;
}

static void write_text(
    struct host *host, const struct iommusim_report *report, struct host_text *text, bool colour)
{
	const struct iommusim_text out = { .context = text, .put = host_text_put, .colour = colour };

	text->length = 0;
	text->text[0] = '\0';
	assert_ok(iommusim_report_text(host->check, report, &out));
}

/* Blanks and line ends are layout: words are compared with one blank between them. */
static void squeeze(struct host_text *text)
{
	size_t to = 0;

	for (size_t from = 0; from < text->length; from++) {
		const int c = text->text[from] == '\n' ? ' ' : text->text[from];

		if (c != ' ' || (to > 0 && text->text[to - 1] != ' '))
			text->text[to++] = (char)c;
	}
	text->text[to] = '\0';
	text->length = to;
}

static const char *words(struct host *host, const struct iommusim_report *report)
{
	static struct host_text text;

	write_text(host, report, &text, false);
	squeeze(&text);
	return text.text;
}

/* The text has this, with numbers put in. */
static void assert_says(const char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void assert_says(const char *text, const char *format, ...)
{
	char part[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(part, sizeof(part), format, arguments);
	va_end(arguments);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* ---- the host's disk and the guest's memory -------------------------------------------------- */

/* One story with a name, an address, a length and lines of its choice. */
struct story {
	const char *profile, *vm;
	uint64_t gpa, length, seed;
	uint32_t assign_line, dma_line;
};

static struct iommusim_vm *tell(
    struct host *host, const struct story *story, struct iommusim_report *report)
{
	struct iommusim_vm *vm;

	host_start(host, &(struct host_setup){ .profile = story->profile, .checked = true });
	vm = host_vm(host, story->vm, VM_SIZE, story->seed);
	at_line(host, story->assign_line);
	host_assign(vm, HOST_PPT1);
	at_line(host, story->dma_line);
	*report = judge(
	    host, host->ahci, IOMMUSIM_DMA_WRITE, host_hpa(vm, story->gpa), story->length, story->vm);
	return vm;
}

static void the_story_of_the_host_disk_is_told_with_its_numbers(void **state)
{
	static const struct story stories[] = {
		{ "13.0", "store-01", 0x100000, 64 * KIB, 7, 11, 14 },
		{ "13.0", "db", 0x30000, 4 * KIB, 1, 207, 3000 },
	};
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	const char *text;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct story *story = &stories[i];
		unsigned long long hpa;

		vm = tell(&host, story, &report);
		hpa = host_hpa(vm, story->gpa);
		text = words(&host, &report);
		assert_says(text, "line %u dma 0/23/0 \"ahci0\" write 0x%llx %lluK for \"%s\" LOST",
		    story->dma_line, hpa, (unsigned long long)(story->length / KIB), story->vm);
		assert_says(text, "The data never arrived");
		assert_says(text, "the unit at fed91000 blocked %s", i == 0 ? "all 16 pages" : "it.");
		assert_says(text, "root[0x00] 0x%llx",
		    (unsigned long long)host_load(&host, host_get(&host, HOST_UNIT1, R_RTADDR, 8)));
		assert_says(text, "context[0xb8] 0x101:%llx",
		    (unsigned long long)host_load(&host, host_context_at(&host, HOST_AHCI)));
		assert_says(text, "L1[0x%03llx] 0x0 -- not present", hpa >> 12 & 0x1ff);
		assert_says(text, " RW -> L2["); /* what L3 grants */
		assert_says(text, "domain 1, 3 levels");
		assert_says(text, "reason 5h");
		assert_says(text, "FRCD0: source 00:17.0, page 0x%llx", hpa);
		assert_says(text, "guest memory of \"%s\" (gpa 0x%llx)", story->vm,
		    (unsigned long long)story->gpa);
		assert_says(text, "It was in domain host until line %u vm_assign_pptdev(\"%s\", 7/0/0)",
		    story->assign_line, story->vm);
		assert_says(text, "-> iommu_remove_mapping(host, 0x%llx, 0x1000)", hpa);
		assert_says(text, "Profile 13.0 does this: policy host_pages is `remove`");
		assert_says(text, "nobody is told");
		assert_says(text, "FECTL.IM=1");
		assert_says(text, "D34607, PR 260178, PR 215740");
		assert_says(text, "13.1 to 15.0 (keep) reference (keep) bounce (bounce)");
		assert_lacks(text, "13.0 (remove)"); /* that one is not without it */
		host_stop(&host);
	}
}

static void under_13_1_there_is_no_such_story(void **state)
{
	static const struct story story = { "13.1", "store-01", 0x100000, 64 * KIB, 7, 11, 14 };
	struct iommusim_report report;
	struct host host;
	const char *text;

	(void)state;
	tell(&host, &story, &report);
	text = words(&host, &report);
	assert_says(text, "for \"store-01\" OK");
	assert_says(text, ", all 16 pages.");
	assert_lacks(text, "LOST");
	assert_lacks(text, "D34607");
	assert_lacks(text, "Profiles without");
	assert_lacks(text, "policy");
	assert_lacks(text, "until");
	assert_lacks(text, "fault");
	assert_lacks(text, "nobody is told");
	host_stop(&host);
}

static void each_line_is_at_most_100_columns_and_colours_add_nothing_else(void **state)
{
	static const struct story story = { "13.0", "store-01", 0x100000, 64 * KIB, 7, 11, 14 };
	static struct host_text plain, coloured;
	struct iommusim_report report;
	struct host host;
	size_t to = 0;

	(void)state;
	tell(&host, &story, &report);
	write_text(&host, &report, &plain, false);
	for (const char *line = plain.text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		assert_true(end - line <= 100);
		assert_true(end > line && end[-1] != ' ');
	}
	assert_int_equal(plain.text[plain.length - 1], '\n');
	assert_null(strchr(plain.text, '\033'));
	write_text(&host, &report, &coloured, true);
	assert_non_null(strchr(coloured.text, '\033'));
	for (size_t from = 0; from <= coloured.length; from++) {
		if (coloured.text[from] == '\033')
			from += strcspn(coloured.text + from, "m");
		else
			coloured.text[to++] = coloured.text[from];
	}
	assert_string_equal(coloured.text, plain.text);
	host_stop(&host);
}

static void a_read_gets_unsupported_request_back(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ahci, IOMMUSIM_DMA_READ, host_hpa(vm, 0), 512, "vm");
	assert_says(words(&host, &report), "was never read");
	assert_says(words(&host, &report), "ahci0 gets Unsupported Request back");
	assert_says(words(&host, &report), "reason 6h");
	assert_lacks(words(&host, &report), "posted");
	host_stop(&host);
}

static void an_unmasked_fault_interrupt_is_said_to_be_raised(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_set(&host, HOST_UNIT1, R_FECTL, 4, 0);
	report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, host_hpa(vm, 0), 512, "vm");
	assert_false(report.fault_event_masked);
	assert_says(words(&host, &report), "raised its fault interrupt");
	assert_lacks(words(&host, &report), "nobody is told");
	host_stop(&host);
}

static void a_fault_without_a_free_record_is_said_to_be_unrecorded(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_init(&host);
	for (unsigned i = 0; i < 8; i++) {
		report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
		assert_says(words(&host, &report), "FRCD%u:", i);
	}
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "not recorded");
	assert_says(words(&host, &report), "FSTS.PFO");
	assert_says(words(&host, &report), "no record was made");
	host_stop(&host);
}

/* ---- other verdicts -------------------------------------------------------------------------- */

static void a_blocked_device_is_said_to_be_in_no_domain(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_init(&host);
	at_line(&host, 4);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "line 4 dma 7/0/0 \"ppt1\" write 0x8000 8 BLOCKED");
	assert_says(words(&host, &report), "It had no right to that memory");
	assert_says(words(&host, &report), "The device is in no domain.");
	assert_says(words(&host, &report), "context[0x00] 0x0:0 not present");
	assert_lacks(words(&host, &report), "Profile");
	report = judge(&host, host.gone, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "dma 9/1/0 write 0x8000 8 BLOCKED"); /* no name */
	host_stop(&host);
}

static void tables_without_a_call_are_said_to_be_by_hand(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	assert_ok(iommusim_mmio_write(host.machine, 0xfed91020, 8, 0x100000)); /* an empty root table */
	assert_ok(iommusim_mmio_write(host.machine, 0xfed91018, 4, 0x40000000));
	assert_ok(iommusim_mmio_write(host.machine, 0xfed91018, 4, 0x80000000));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report),
	    "No call has put the device into a domain: its tables were written by hand.");
	host_stop(&host);
}

static void a_device_that_was_taken_away_is_told_with_the_call(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	at_line(&host, 23);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report),
	    "The device is in no domain. It was in domain vm until "
	    "line 23 vm_unassign_pptdev(\"vm\", 7/0/0)");
	host_stop(&host);
}

/* A call that takes ppt1 out of its domain, or a page from it, and how a report writes it. */
static void assert_told(enum iommusim_call_kind kind, const char *expected)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	host_start(&host, &(struct host_setup){ .profile = "13.1", .checked = true });
	assert_ok(iommusim_iommu_create_domain(host.vmm, 0x40000000, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x40000, PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	if (kind == IOMMUSIM_CALL_REMOVE_DEVICE)
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	if (kind == IOMMUSIM_CALL_DESTROY_DOMAIN)
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000, 8, NULL);
	if (kind == IOMMUSIM_CALL_CREATE_DOMAIN) /* which made the host's map */
		report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0x5000, 8, NULL);
	if (kind == IOMMUSIM_CALL_PCI_DELETE_DEVICE) {
		assert_ok(iommusim_pci_device_deleted(host.vmm, 0, HOST_AHCI));
		report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0x5000, 8, NULL);
	}
	if (kind == IOMMUSIM_CALL_PPT_ATTACH) {
		assert_ok(iommusim_ppt_attach(host.vmm, 0, HOST_AHCI));
		report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0x5000, 8, NULL);
	}
	assert_says(words(&host, &report), "an unknown place %s", expected);
	host_stop(&host);
}

static void calls_are_written_as_a_trace_writes_them(void **state)
{
	(void)state;
	assert_told(IOMMUSIM_CALL_REMOVE_DEVICE, "iommu_remove_device(dom1, 7/0/0) ");
	assert_told(IOMMUSIM_CALL_DESTROY_DOMAIN, "iommu_destroy_domain(dom1) ");
	assert_told(IOMMUSIM_CALL_CREATE_DOMAIN,
	    "iommu_create_domain(0x40000000) "
	    "-> iommu_create_mapping(host, 0x5000, 0x4000000)");
	assert_told(IOMMUSIM_CALL_PCI_DELETE_DEVICE, "pci_delete_device(0/23/0) ");
	assert_told(IOMMUSIM_CALL_PPT_ATTACH, "ppt_attach(0/23/0) ");
	assert_told(
	    IOMMUSIM_CALL_CREATE_MAPPING, "iommu_create_mapping(dom1, 0x5000, 0x40000, 0x1000)");
}

static void devices_of_other_segments_are_written_with_it(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x8000, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};
	const struct iommusim_vtd_config config = {
		.base = 0xfed92000,
		.segment = 1,
		.version = 0x10,
		.capability = host_cap(),
		.ext_capability = host_ecap(),
		.host_address_width = 46,
	};
	struct iommusim_requester *far;
	struct iommusim_report report;
	struct iommusim_unit *unit;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	assert_ok(iommusim_vtd_create(host.machine, &config, &unit));
	iommusim_unit_include_all(unit);
	host_set(&host, 0xfed92000, R_RTADDR, 8, 0x1000000); /* no bus is in it */
	host_set(&host, 0xfed92000, R_GCMD, 4, G_SRTP);
	host_set(&host, 0xfed92000, R_GCMD, 4, G_TE);
	assert_ok(iommusim_requester_create(host.machine, 1, HOST_AHCI, &far));
	assert_ok(iommusim_check_dma(host.check, far, &request, NULL, &report));
	assert_int_equal(report.segment, 1);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_string_equal(report.device_name, ""); /* ahci0 is in segment 0 */
	assert_says(words(&host, &report), "dma 0001:00:17.0 write");
	assert_says(words(&host, &report), "source 0001:00:17.0, page 0x8000");
	host_stop(&host);
}

static void an_address_no_call_ever_gave_is_said_so(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, VM_SIZE, 8, NULL);
	assert_says(words(&host, &report), "No call ever gave this address to domain vm.");
	host_stop(&host);
}

static void a_stale_answer_names_the_entry_and_who_filled_it(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x40000, PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	at_line(&host, 17);
	judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x5011, 8, NULL);
	at_line(&host, 19);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE));
	at_line(&host, 21);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x5011, 8, NULL);
	assert_says(words(&host, &report), "line 21 dma 7/0/0 \"ppt1\" write 0x5011 8 STALE");
	assert_says(words(&host, &report), "wrote to 0x40011: memory of the host.");
	assert_says(words(&host, &report), "IOTLB entry of domain 2, page 0x5000 -> 0x40000,");
	assert_says(words(&host, &report), "filled by line 9"); /* the request's tag */
	assert_says(words(&host, &report), "memory says not mapped now");
	assert_says(words(&host, &report),
	    "Domain dom1 was given this page, until line 19 "
	    "iommu_remove_mapping(dom1, 0x5000, 0x1000)");
	assert_lacks(words(&host, &report), "-> iommu_remove_mapping"); /* the caller's own call */
	host_stop(&host);
}

static void what_the_tables_still_allow_is_stale_without_a_cache(void **state)
{
	struct host_setup setup = { .profile = "13.1", .checked = true };
	struct bent_backend backend;
	struct iommusim_report report;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x40000, PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	backend.keeps_pages = true;
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000, 8, NULL);
	assert_says(words(&host, &report), "STALE");
	assert_lacks(words(&host, &report), "IOTLB entry");
	bent_stop(&host, &backend);
}

static void a_misrouted_write_names_both_addresses(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	at_line(&host, 3);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000), host_hpa(vm, 0x9000) | 3);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "MISROUTED");
	assert_says(words(&host, &report), "wrote to 0x%llx: guest memory of \"vm\" (gpa 0x9000)",
	    (unsigned long long)host_hpa(vm, 0x9000));
	assert_says(words(&host, &report), "Domain vm maps this address to 0x%llx since line 3",
	    (unsigned long long)host_hpa(vm, 0x8000));
	host_stop(&host);
}

static void an_unprotected_dma_is_said_to_have_met_no_walk(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "UNPROTECTED");
	assert_says(words(&host, &report), "translation is off in its unit");
	assert_says(words(&host, &report), "wrote to 0x8000");
	host_stop(&host);
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_units = true });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "no unit governs this requester");
	assert_says(words(&host, &report), "read from 0x8000");
	host_stop(&host);
}

static void places_are_lines_of_traces_and_lines_of_sources(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "an unknown place dma");
	iommusim_check_set_place(
	    host.check, &(struct iommusim_place){ .file = "driver.c", .line = 214 });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "driver.c:214 dma");
	iommusim_check_set_place(
	    host.check, &(struct iommusim_place){ .file = "a/b.iommu", .line = 3 });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	assert_says(words(&host, &report), "line 3 dma");
	host_stop(&host);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static struct json_object *parse(struct host *host, const struct iommusim_report *report)
{
	static struct host_text text;
	const struct iommusim_text out = { .context = &text, .put = host_text_put };
	struct json_object *line, *dma;

	text.length = 0;
	text.text[0] = '\0';
	assert_ok(iommusim_report_json(host->check, report, &out));
	assert_int_equal(text.text[text.length - 1], '\n');
	assert_ptr_equal(strchr(text.text, '\n'), &text.text[text.length - 1]); /* one line */
	line = json_tokener_parse(text.text);
	assert_non_null(line);
	assert_int_equal(json_object_object_length(line), 1);
	assert_true(json_object_object_get_ex(line, "dma", &dma));
	return line;
}

static struct json_object *in(struct json_object *line, const char *first, const char *second)
{
	struct json_object *object, *member;

	assert_true(json_object_object_get_ex(line, "dma", &object));
	if (!json_object_object_get_ex(object, first, &member))
		fail_msg("no \"%s\"", first);
	if (second == NULL)
		return member;
	if (!json_object_object_get_ex(member, second, &object))
		fail_msg("no \"%s\" in \"%s\"", second, first);
	return object;
}

static bool has(struct json_object *line, const char *name)
{
	struct json_object *object;

	assert_true(json_object_object_get_ex(line, "dma", &object));
	return json_object_object_get_ex(object, name, NULL);
}

#define assert_number(line, first, second, expected)                                                   \
	assert_int_equal(json_object_get_uint64(in(line, first, second)), expected)
#define assert_string(line, first, second, expected)                                                   \
	assert_string_equal(json_object_get_string(in(line, first, second)), expected)

static void the_json_holds_what_the_report_holds(void **state)
{
	static const struct story story = { "13.0", "store-01", 0x100000, 64 * KIB, 7, 11, 14 };
	struct json_object *line, *record;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	char inner[80];

	(void)state;
	vm = tell(&host, &story, &report);
	line = parse(&host, &report);
	assert_number(line, "line", NULL, 14);
	assert_string(line, "device", NULL, "0/23/0");
	assert_string(line, "name", NULL, "ahci0");
	assert_string(line, "kind", NULL, "write");
	assert_number(line, "address", NULL, host_hpa(vm, 0x100000));
	assert_number(line, "length", NULL, 64 * KIB);
	assert_string(line, "for", NULL, "store-01");
	assert_string(line, "domain", NULL, "host");
	assert_string(line, "verdict", NULL, "lost");
	assert_number(line, "pages", NULL, 16);
	assert_number(line, "pages_of_verdict", NULL, 16);
	assert_number(line, "bytes_moved", NULL, 0);
	assert_string(line, "completion", NULL, "posted");
	assert_string(line, "owner", NULL, "vm");
	assert_string(line, "owner_vm", NULL, "store-01");
	assert_false(has(line, "physical")); /* it went nowhere */
	assert_number(line, "fault", "reason", 5);
	assert_true(json_object_get_boolean(in(line, "fault", "recorded")));
	assert_true(json_object_get_boolean(in(line, "fault", "event_masked")));
	record = in(line, "fault", "record");
	assert_int_equal(json_object_array_length(record), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(json_object_get_uint64(json_object_array_get_idx(record, i)),
		    report.page.page.fault.record[i]);
	assert_number(line, "removed_by", "line", 11);
	assert_string(line, "removed_by", "call", "vm_assign_pptdev(\"store-01\", 7/0/0)");
	snprintf(inner, sizeof(inner), "iommu_remove_mapping(host, 0x%llx, 0x1000)",
	    (unsigned long long)host_hpa(vm, 0x100000));
	assert_string(line, "removed_by", "inner", inner);
	assert_false(has(line, "mapped_by"));
	assert_string(line, "policy", NULL, "host_pages");
	assert_contains(json_object_get_string(in(line, "known", NULL)), "D34607");
	assert_number(line, "walk", "unit", HOST_UNIT1);
	assert_number(line, "walk", "levels", 3);
	assert_int_equal(json_object_array_length(in(line, "walk", "steps")), 5);
	json_object_put(line);
	host_stop(&host);
}

static void numbers_of_64_bits_stay_what_they_are(void **state)
{
	struct json_object *line, *high;
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_init(&host);
	report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, UINT64_C(0xfffffffffffff000), 8, NULL);
	line = parse(&host, &report);
	assert_int_equal(json_object_get_type(in(line, "address", NULL)), json_type_int);
	assert_number(line, "address", NULL, UINT64_C(0xfffffffffffff000));
	/* F is bit 63 of a fault record's upper half. */
	high = json_object_array_get_idx(in(line, "fault", "record"), 1);
	assert_true(json_object_get_uint64(high) >> 63 != 0);
	assert_int_equal(json_object_get_uint64(high), report.page.page.fault.record[1]);
	json_object_put(line);
	host_stop(&host);
}

static void an_ok_dma_has_no_fault_and_no_known_bug(void **state)
{
	struct json_object *line, *step, *raw;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	at_line(&host, 2);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8010, 8, NULL);
	line = parse(&host, &report);
	assert_string(line, "verdict", NULL, "ok");
	assert_string(line, "kind", NULL, "read");
	assert_string(line, "completion", NULL, "success");
	assert_number(line, "physical", NULL, host_hpa(vm, 0x8010));
	assert_number(line, "mapped_by", "line", 2);
	assert_false(has(line, "fault"));
	assert_false(has(line, "known"));
	assert_false(has(line, "policy"));
	assert_false(has(line, "removed_by"));
	step = json_object_array_get_idx(in(line, "walk", "steps"), 4);
	assert_true(json_object_object_get_ex(step, "raw", &raw));
	assert_int_equal(
	    json_object_get_uint64(json_object_array_get_idx(raw, 0)), host_hpa(vm, 0x8000) | 3);
	json_object_put(line);
	host_stop(&host);
}

static void names_that_need_it_are_escaped(void **state)
{
	struct iommusim_report report;
	struct json_object *line;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_guest(&host, "a\"b\\c\n", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8010, 8, NULL);
	line = parse(&host, &report);
	assert_string(line, "for", NULL, "a\"b\\c\n");
	json_object_put(line);
	host_stop(&host);
}

static void without_a_unit_the_walk_names_none(void **state)
{
	struct iommusim_report report;
	struct json_object *line, *walk;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_units = true });
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL);
	line = parse(&host, &report);
	assert_string(line, "verdict", NULL, "unprotected");
	walk = in(line, "walk", NULL);
	assert_false(json_object_object_get_ex(walk, "unit", NULL));
	assert_int_equal(json_object_array_length(in(line, "walk", "steps")), 0);
	json_object_put(line);
	host_stop(&host);
}

/* ---- why the IOMMU never came to be ---------------------------------------------------------- */

static const char *init_words(struct host *host)
{
	static struct host_text text;
	const struct iommusim_text out = { .context = &text, .put = host_text_put };

	text.length = 0;
	text.text[0] = '\0';
	assert_ok(iommusim_init_text(host->check, &out));
	squeeze(&text);
	return text.text;
}

static void nothing_is_said_before_and_when_all_is_well(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	assert_string_equal(init_words(&host), "");
	host_init(&host);
	assert_string_equal(init_words(&host), "");
	host_stop(&host);
}

static void a_silent_failure_is_told_with_what_it_led_to(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_units = true });
	vm = host_vm(&host, "vm", VM_SIZE, 1);
	at_line(&host, 8);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	at_line(&host, 10);
	assert_says(init_words(&host), "hw.vmm.iommu.initialized = 0");
	assert_says(init_words(&host), "reached at line 8");
	assert_says(init_words(&host), "no hardware");
	assert_says(init_words(&host), "0xfed90000");
	assert_says(init_words(&host), "hw.vmm.iommu.enable=1");
	assert_says(init_words(&host), "a known processor");
	assert_says(init_words(&host), "a DMAR table of 88 bytes, checksum good, 2 units named");
	assert_says(init_words(&host), "ops->init returned ENXIO");
	assert_says(init_words(&host), "nobody: vmm printed nothing");
	assert_says(init_words(&host), "hw.vmm.ppt.devices = 2");
	assert_says(init_words(&host), "No DMA was made");
	at_line(&host, 11);
	judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x7f000, 8, NULL);
	at_line(&host, 12);
	judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x80000, 8, NULL);
	assert_says(init_words(&host), "2 DMAs went through UNPROTECTED, the first at line 11");
	assert_says(init_words(&host), "\"ppt1\" reached 0x7f000");
	host_stop(&host);
}

static void the_reference_is_said_to_have_told(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true, .no_table = true });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_says(init_words(&host), "no table");
	assert_says(init_words(&host), "vmm printed a line about it");
	assert_lacks(init_words(&host), "a DMAR table of");
	host_stop(&host);
}

static void an_unknown_processor_is_not_said_to_be_known(void **state)
{
	struct host host;

	(void)state;
	host_start(&host,
	    &(struct host_setup){ .profile = "13.0", .checked = true, .cpu = IOMMUSIM_CPU_OTHER });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_says(init_words(&host), "unknown CPU");
	assert_lacks(init_words(&host), "a known processor");
	host_stop(&host);
}

static void what_was_switched_off_is_told_with_the_way_on(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.enable", 0));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_says(init_words(&host), "disabled");
	assert_says(init_words(&host), "hw.vmm.iommu.enable=0");
	assert_lacks(init_words(&host), "a known processor"); /* nobody looked */
	assert_says(init_words(&host), "set hw.vmm.iommu.enable=1 in loader.conf");
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_story_of_the_host_disk_is_told_with_its_numbers),
		cmocka_unit_test(under_13_1_there_is_no_such_story),
		cmocka_unit_test(each_line_is_at_most_100_columns_and_colours_add_nothing_else),
		cmocka_unit_test(a_read_gets_unsupported_request_back),
		cmocka_unit_test(an_unmasked_fault_interrupt_is_said_to_be_raised),
		cmocka_unit_test(a_fault_without_a_free_record_is_said_to_be_unrecorded),
		cmocka_unit_test(a_blocked_device_is_said_to_be_in_no_domain),
		cmocka_unit_test(tables_without_a_call_are_said_to_be_by_hand),
		cmocka_unit_test(a_device_that_was_taken_away_is_told_with_the_call),
		cmocka_unit_test(an_address_no_call_ever_gave_is_said_so),
		cmocka_unit_test(a_stale_answer_names_the_entry_and_who_filled_it),
		cmocka_unit_test(a_misrouted_write_names_both_addresses),
		cmocka_unit_test(an_unprotected_dma_is_said_to_have_met_no_walk),
		cmocka_unit_test(places_are_lines_of_traces_and_lines_of_sources),
		cmocka_unit_test(the_json_holds_what_the_report_holds),
		cmocka_unit_test(numbers_of_64_bits_stay_what_they_are),
		cmocka_unit_test(an_ok_dma_has_no_fault_and_no_known_bug),
		cmocka_unit_test(names_that_need_it_are_escaped),
		cmocka_unit_test(without_a_unit_the_walk_names_none),
		cmocka_unit_test(nothing_is_said_before_and_when_all_is_well),
		cmocka_unit_test(a_silent_failure_is_told_with_what_it_led_to),
		cmocka_unit_test(the_reference_is_said_to_have_told),
		cmocka_unit_test(what_was_switched_off_is_told_with_the_way_on),
		cmocka_unit_test(calls_are_written_as_a_trace_writes_them),
		cmocka_unit_test(devices_of_other_segments_are_written_with_it),
		cmocka_unit_test(what_the_tables_still_allow_is_stale_without_a_cache),
		cmocka_unit_test(an_unknown_processor_is_not_said_to_be_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
