/* Findings of the checker in a test: shown as they come, asked for by id, forgiven when they were asked for. */
#include "test/state.h"

#include <stdio.h>

void findings_show(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_finding *finding;

	if (hidden->test.check == NULL)
		return;
	while ((finding = iommusim_check_finding(hidden->test.check, hidden->findings_shown)) != NULL) {
		hidden->findings_shown++;
		if (finding->suppressed || iommusim_finding_is_advice(finding->id))
			continue;
		if (finding->place.file != NULL && finding->place.line != 0)
			printf("%s:%u: ", finding->place.file, (unsigned)finding->place.line);
		printf("finding %s: %s\n", iommusim_finding_name(finding->id),
		    iommusim_finding_meaning(finding->id));
		print_wrapped(finding->text);
		printf("  more: docs/findings/%s.md\n", iommusim_finding_name(finding->id));
	}
}

void iommusim_test_assert_no_findings(struct iommusim_test *test, const char *file, unsigned line)
{
	struct iommusim_test_hidden *hidden = test->hidden;
	const struct iommusim_finding *finding;
	unsigned count = 0;

	if (test->check == NULL)
		return;
	iommusim_test_at(test, file, line);
	iommusim_check_look(test->check);
	findings_show(hidden);
	for (size_t i = 0; (finding = iommusim_check_finding(test->check, i)) != NULL; i++)
		count += !finding->suppressed && !hidden->forgiven[finding->id] &&
		    !iommusim_finding_is_advice(finding->id);
	if (count > 0)
		iommusim_test_fail(test, file, line, "%u finding%s about the driver, above", count,
		    count == 1 ? "" : "s");
}

const struct iommusim_finding *iommusim_test_assert_finding(
    struct iommusim_test *test, const char *id, const char *file, unsigned line)
{
	struct iommusim_test_hidden *hidden = test->hidden;
	const struct iommusim_finding *finding;
	enum iommusim_finding_id wanted;

	if (iommusim_finding_find(id, &wanted) != IOMMUSIM_OK)
		iommusim_test_fail(test, file, line, "there is no finding called \"%s\"", id);
	if (test->check == NULL)
		iommusim_test_fail(test, file, line, "without iommu_ops there is no checker");
	iommusim_test_at(test, file, line);
	iommusim_check_look(test->check);
	iommusim_check_finish(test->check);
	findings_show(hidden);
	hidden->forgiven[wanted] = true;
	for (size_t i = 0; (finding = iommusim_check_finding(test->check, i)) != NULL; i++)
		if (finding->id == wanted)
			return finding;
	iommusim_test_fail(test, file, line, "the driver gave no cause for the finding %s (%s)", id,
	    iommusim_finding_meaning(wanted));
}
