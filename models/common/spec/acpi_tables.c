/* Emits the table of acpi_header.def for those who walk fields by name. Nothing else lives here. */
#define SPEC_TABLES
#include "models/common/spec/acpi_header.def"
