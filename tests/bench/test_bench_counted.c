/* Committed counts of instructions: those of this program's compiler and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counted.h"

static void only_the_own_compiler_counts(void **state)
{
	char name[] = "/tmp/iommusim-counted-XXXXXX", compiler[64];
	const int file = mkstemp(name);
	FILE *out = fdopen(file, "w");
	struct counted_figures figures;

	(void)state;
	assert_non_null(out);
	counted_compiler(compiler, sizeof(compiler));
	fprintf(out,
	    "# figures\ncompiler other 1.0\nmap-page/vtd 1\ncompiler %s\nmap-page/vtd 41.5\n"
	    "# unmap-page/vtd 3\nmap-range/vtd none\nmap-range/amdvi 7\ncompiler %s too\n"
	    "map-page/amdvi 2\n",
	    compiler, compiler);
	fclose(out);
	assert_true(counted_read(&figures, name));
	unlink(name);
	assert_int_equal(figures.count, 2);
	assert_float_equal(counted_find(&figures, "map-page/vtd"), 41.5, 0);
	assert_float_equal(counted_find(&figures, "map-range/amdvi"), 7, 0);
	assert_float_equal(counted_find(&figures, "map-page/amdvi"), 0, 0);
}

static void no_file_no_figures(void **state)
{
	struct counted_figures figures;

	(void)state;
	assert_false(counted_read(&figures, "/nonexistent/figures"));
	assert_float_equal(counted_find(&figures, "map-page/vtd"), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_own_compiler_counts),
		cmocka_unit_test(no_file_no_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
