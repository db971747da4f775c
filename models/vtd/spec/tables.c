/* The tables that the descriptions of models/vtd/spec expand to, once. */
#define SPEC_TABLES
#include "models/vtd/spec/vtd.h"
