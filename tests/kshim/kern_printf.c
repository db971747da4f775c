/* Kernel code that prints, with the conversions that only the kernel has. */
#include <sys/param.h>
#include <sys/systm.h>

#include "tests/kshim/kern_printf.h"

void kern_print(void *number)
{
	static const u_char mac[6] = { 0, 0x1b, 0x21, 0xff, 0x0a, 5 };

	switch (*(int *)number) {
	case 0:
		printf("%d %u %#x %lx %s|%5s|%-5s|%.2s %c %%", -1, 7u, 0x1f, 0xfed90000ul, "s", "ab",
		    "ab", "abc", 'x');
		break;
	case 1:
		printf("reg=%b", 3, "\10\2BITTWO\1BITONE");
		break;
	case 2:
		printf("%b %b", 0, "\20\1A", 0x80000001, "\20\1LOW\40HIGH");
		break;
	case 3:
		printf("%6D %3D", mac, ":", mac, "-");
		break;
	case 4:
		printf("%jd %ju %zu %hhu %08lx %*d %.3d %p", (intmax_t)-5, (uintmax_t)5, sizeof(long),
		    300, 0xabcul, 4, 7, 7, (void *)0x10);
		break;
	case 5:
		printf("%s", (char *)NULL);
		break;
	default:
		for (int i = 0; i < 100; i++)
			printf("line %d of many\n", i);
	}
}

int kern_print_short(char *out, unsigned long size)
{
	return snprintf(out, size, "%s.%d.%s", "vtd.regmap", 3, "addr");
}
