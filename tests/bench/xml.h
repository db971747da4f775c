/* Is a text well-formed XML, as far as charts need it: tags that match, quoted attributes, known entities? */
#ifndef TESTS_BENCH_XML_H
#define TESTS_BENCH_XML_H

/* NULL when it is; else where it is not. */
const char *xml_wrong(const char *text);

#endif
