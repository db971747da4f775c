/*
 * Shared by entry.h and register.h: the overlap check and the two forms of the table. Included by
 * them alone, with FIELDS, STRUCTURE, TITLE, SECTION, OFFSET, BITS and ROW set up.
 *
 * No include guard: it is expanded once per description.
 */

/* Two rows that overlap do not compile, and neither does a row that crosses a quadword. */
#define SPEC_CHECK_HALF(half)                                                                          \
	_Static_assert(                                                                                \
	    (UINT64_C(0) FIELDS(SPEC_SUM_##half)) == (UINT64_C(0) FIELDS(SPEC_UNION_##half)),          \
	    TITLE ": fields overlap")
SPEC_CHECK_HALF(0);
SPEC_CHECK_HALF(1);
#if BITS > 64
SPEC_CHECK_HALF(2);
SPEC_CHECK_HALF(3);
#endif
#if BITS > 128
SPEC_CHECK_HALF(4);
SPEC_CHECK_HALF(5);
SPEC_CHECK_HALF(6);
SPEC_CHECK_HALF(7);
#endif
#if BITS > 256
SPEC_CHECK_HALF(8);
SPEC_CHECK_HALF(9);
SPEC_CHECK_HALF(10);
SPEC_CHECK_HALF(11);
SPEC_CHECK_HALF(12);
SPEC_CHECK_HALF(13);
SPEC_CHECK_HALF(14);
SPEC_CHECK_HALF(15);
#endif
#undef SPEC_CHECK_HALF

/* The table: defined where SPEC_TABLES is, declared everywhere else. */
#ifdef SPEC_TABLES
static const struct spec_field SPEC_CAT(STRUCTURE, fields)[] = { FIELDS(SPEC_TABLE_ROW) };
const struct spec_structure SPEC_CAT(STRUCTURE, spec) = {
	.name = SPEC_NAME,
	.title = TITLE,
	.section = SECTION,
	.fields = SPEC_CAT(STRUCTURE, fields),
	.field_count = sizeof SPEC_CAT(STRUCTURE, fields) / sizeof(struct spec_field),
	.bits = BITS,
	.offset = OFFSET,
};
#else
extern const struct spec_structure SPEC_CAT(STRUCTURE, spec);
#endif

#undef FIELDS
#undef STRUCTURE
#undef SPEC_NAME
#undef TITLE
#undef SECTION
#undef OFFSET
#undef BITS
