/* Debts by address: adding, joining, paying in part, and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/held.h"

#include <iommusim/machine.h>

static struct iommusim_machine *machine(void)
{
	struct iommusim_machine *made;

	assert_int_equal(iommusim_machine_create(NULL, &made), IOMMUSIM_OK);
	return made;
}

static struct held_span span(uint64_t first, uint64_t last, uint64_t page, uint64_t holders)
{
	return (struct held_span){ .first = first, .last = last, .page = page, .holders = holders };
}

static size_t count(const struct held_spans *spans)
{
	size_t counted = 0;

	for (struct held_span *at = held_spans_first(spans); at != NULL; at = held_spans_next(at))
		counted++;
	return counted;
}

static void pay(struct iommusim_machine *m, struct held_spans *spans, uint64_t first, uint64_t last,
    uint64_t holder)
{
	const struct held_payment payment = {
		.first = first, .last = last, .holder = holder, .born = UINT64_MAX
	};

	held_spans_pay(m, spans, &payment);
}

static void neighbours_join(void **state)
{
	struct iommusim_machine *m = machine();
	struct held_spans spans = { .latest = NULL };
	struct held_span a = span(0x1000, 0x1fff, 0x50000, 1), b = span(0x2000, 0x2fff, 0x51000, 1);
	struct held_span elsewhere = span(0x3000, 0x3fff, 0x90000, 1);

	(void)state;
	assert_true(held_spans_add(m, &spans, &a));
	assert_true(held_spans_add(m, &spans, &b));
	assert_int_equal(count(&spans), 1);
	assert_int_equal(held_spans_first(&spans)->last, 0x2fff);
	assert_true(held_spans_add(m, &spans, &elsewhere)); /* its page is no neighbour */
	assert_int_equal(count(&spans), 2);
	assert_int_equal(held_spans_last(&spans)->page, 0x90000);
	held_spans_free(m, &spans);
	iommusim_machine_destroy(m);
}

static void what_is_paid_in_part_falls_apart(void **state)
{
	struct iommusim_machine *m = machine();
	struct held_spans spans = { .latest = NULL };
	struct held_span whole = span(0x1000, 0x4fff, 0x50000, 3);
	const struct held_span *at;

	(void)state;
	assert_true(held_spans_add(m, &spans, &whole));
	pay(m, &spans, 0x2000, 0x2fff, 1);
	assert_int_equal(count(&spans), 3);
	at = held_spans_next(held_spans_first(&spans));
	assert_int_equal(at->first, 0x2000);
	assert_int_equal(at->last, 0x2fff);
	assert_int_equal(at->page, 0x51000);
	assert_int_equal(at->holders, 2);
	assert_int_equal(held_spans_last(&spans)->page, 0x52000);
	pay(m, &spans, 0, UINT64_MAX, 2);
	assert_int_equal(count(&spans), 2); /* the middle is paid by both */
	pay(m, &spans, 0, UINT64_MAX, 1);
	assert_int_equal(count(&spans), 0);
	iommusim_machine_destroy(m);
}

static void older_debts_are_taken_up(void **state)
{
	struct iommusim_machine *m = machine();
	struct held_spans spans = { .latest = NULL };
	struct held_span old = span(0x1000, 0x4fff, 0x50000, 1),
			 young = span(0x2000, 0x2fff, 0x80000, 2);

	(void)state;
	assert_true(held_spans_add(m, &spans, &old));
	assert_true(held_spans_add(m, &spans, &young));
	assert_int_equal(count(&spans), 3);
	assert_int_equal(held_spans_next(held_spans_first(&spans))->page, 0x80000);
	assert_int_equal(held_spans_next(held_spans_first(&spans))->holders, 3);
	assert_int_equal(held_spans_last(&spans)->first, 0x3000);
	assert_int_equal(held_spans_last(&spans)->holders, 1);
	held_spans_free(m, &spans);
	iommusim_machine_destroy(m);
}

static void young_debts_and_freed_tables_stay(void **state)
{
	struct iommusim_machine *m = machine();
	struct held_spans spans = { .latest = NULL };
	struct held_span young = span(0x1000, 0x1fff, 0x50000, 1),
			 tables = span(0x5000, 0x5fff, 0x60000, 1);
	struct held_payment payment = { .last = UINT64_MAX, .holder = 1, .born = 6, .leaf_only = true };

	(void)state;
	young.born = 7;
	tables.tables = true;
	assert_true(held_spans_add(m, &spans, &young));
	assert_true(held_spans_add(m, &spans, &tables));
	held_spans_pay(m, &spans, &payment);
	assert_int_equal(count(&spans), 2);
	payment.leaf_only = false;
	held_spans_pay(m, &spans, &payment);
	assert_int_equal(count(&spans), 1);
	payment.born = 7;
	held_spans_pay(m, &spans, &payment);
	assert_int_equal(count(&spans), 0);
	iommusim_machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_join),
		cmocka_unit_test(what_is_paid_in_part_falls_apart),
		cmocka_unit_test(older_debts_are_taken_up),
		cmocka_unit_test(young_debts_and_freed_tables_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
