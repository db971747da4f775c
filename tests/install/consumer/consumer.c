/* The smallest program that needs both the headers and the library. */
#include <iommusim/dmar.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *name = iommusim_dmar_type_name(IOMMUSIM_DMAR_DRHD);
	puts(name);
	return strcmp(name, "DRHD") != 0;
}
