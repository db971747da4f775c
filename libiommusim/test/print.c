/* What a test prints: plain lines on standard output, and the one way in which it fails. */
#include "test/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 110u

void print_text(void *context, const char *text, size_t length)
{
	(void)context;
	fwrite(text, 1, length, stdout);
}

void print_wrapped(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		const size_t word = strcspn(text, " ");

		if (column > 0 && column + 1 + word > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column == 0 ? "  " : " ", (int)word, text);
		text += word + (text[word] == ' ');
	}
	putchar('\n');
}

/* The register access under way, or the last one, is where a driver was. */
bool place_of_access(struct iommusim_test_hidden *hidden, struct iommusim_place *place)
{
	const void *where = iommusim_test_access.place();

	(void)hidden;
	return where != NULL && place_find(where, place);
}

/*
 * It may be inside a signal handler, a watcher or vmm: nothing of all that is used any more. The thread stays attached
 * until test_abandon(): this may be its signal stack.
 */
void iommusim_test_fail(
    struct iommusim_test *test, const char *file, unsigned line, const char *format, ...)
{
	struct iommusim_test_hidden *hidden = test->hidden;
	struct iommusim_place place = { file, line };
	sigset_t all;
	va_list arguments;

	if (file == NULL && !place_of_access(hidden, &place))
		place = hidden->place;
	if (test->check != NULL && !hidden->failing) {
		hidden->failing = true;
		findings_show(hidden);
	}
	if (place.line != 0)
		printf("%s:%u: ", place.file, (unsigned)place.line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	test_explained();
	sigemptyset(&all);
	sigaddset(&all, SIGSEGV);
	sigaddset(&all, SIGBUS);
	sigaddset(&all, SIGPROF);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	_fail(place.file != NULL ? place.file : "?", (int)place.line);
	__builtin_unreachable();
}
