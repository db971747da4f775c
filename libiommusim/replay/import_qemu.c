#include "replay/import.h"
enum iommusim_status import_qemu(struct importer *importer)
{
	return import_refuse(importer, "x");
}
