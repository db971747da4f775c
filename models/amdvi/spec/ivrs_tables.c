/* Emits the tables of acpi/ for those who walk fields by name. Nothing else lives here. */
#define SPEC_TABLES
#include "models/amdvi/spec/ivrs.h"
