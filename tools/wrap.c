/* Text for people in lines of a bearable length. */
#include "wrap.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 100 };

void wrap_print(size_t column, size_t indent, const char *text)
{
	bool first = true; /* word of its line: it stands there however long it is */

	while (*text != '\0') {
		const size_t length = strcspn(text, " ");

		if (!first && column + 1 + length > WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		fwrite(text, 1, length, stdout);
		column += length;
		first = false;
		text += length + strspn(text + length, " ");
	}
	putchar('\n');
}
