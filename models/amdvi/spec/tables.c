/* The tables that the descriptions of models/amdvi/spec expand to, once. */
#define SPEC_TABLES
#include "models/amdvi/spec/amdvi.h"
