/* What the tests of findings about invalidation share. */
#include "check/invalidation_fixture.h"

void at_line(struct host *host, uint32_t line)
{
	iommusim_check_set_place(
	    host->check, &(struct iommusim_place){ .file = "driver.c", .line = line });
}

size_t found(const struct host *host, enum iommusim_finding_id id)
{
	const struct iommusim_finding *finding;
	size_t count = 0;

	for (size_t i = 0; (finding = iommusim_check_finding(host->check, i)) != NULL; i++)
		count += finding->id == id;
	return count;
}

size_t found_any(const struct host *host)
{
	const struct iommusim_finding *finding;
	size_t count = 0;

	for (size_t i = 0; (finding = iommusim_check_finding(host->check, i)) != NULL; i++) {
		if (iommusim_finding_is_advice(finding->id))
			continue;
		if (count++ == 0)
			print_message("%s: %s\n", iommusim_finding_name(finding->id), finding->text);
	}
	return count;
}

const char *only(const struct host *host, enum iommusim_finding_id id, uint32_t line)
{
	const struct iommusim_finding *finding;

	assert_int_equal(found(host, id), 1);
	for (size_t i = 0; (finding = iommusim_check_finding(host->check, i)) != NULL; i++) {
		if (finding->id != id)
			continue;
		assert_int_equal(finding->place.line, line);
		return finding->text;
	}
	fail_msg("it is gone");
	return "";
}

enum iommusim_verdict dma_verdict(
    struct host *host, struct iommusim_requester *device, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 64, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, NULL, &report));
	return report.verdict;
}

struct iommusim_domain *domain_with(struct host *host, uint16_t rid)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, rid));
	at_line(host, 17);
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, MAPPED_AT, MAPPED_TO, PAGE));
	return domain;
}

void remove_mapping(struct host *host, struct iommusim_domain *domain)
{
	at_line(host, 19);
	assert_ok(iommusim_iommu_remove_mapping(host->vmm, domain, MAPPED_AT, PAGE));
	at_line(host, 21);
}
