/*
 * Linker sets: pointers that sources put into a section by its name, and whoever wants them walks through. An
 * empty set is fine. All drivers of a program share its sets.
 */
#ifndef IOMMUSIM_KSHIM_SYS_LINKER_SET_H
#define IOMMUSIM_KSHIM_SYS_LINKER_SET_H

#if defined(__has_attribute)
#if __has_attribute(__retain__)
#define IOMMUSIM_SET_KEEP __used__, __retain__
#endif
#endif
#ifndef IOMMUSIM_SET_KEEP
#define IOMMUSIM_SET_KEEP __used__
#endif

#define IOMMUSIM_SET_JOIN1(a, b) a##b
#define IOMMUSIM_SET_JOIN(a, b)  IOMMUSIM_SET_JOIN1(a, b)
#define IOMMUSIM_SET_ENTRY(set, symbol)                                                                \
	static const void *const IOMMUSIM_SET_JOIN(iommusim_set_##set##_, symbol)                      \
	    __attribute__((IOMMUSIM_SET_KEEP, __section__("set_" #set))) = &(symbol)

#define TEXT_SET(set, symbol) IOMMUSIM_SET_ENTRY(set, symbol)
#define DATA_SET(set, symbol) IOMMUSIM_SET_ENTRY(set, symbol)

/* The bounds are the linker's; weak, for a program without a single entry. */
#define SET_DECLARE(set, type)                                                                         \
	extern type *const __start_set_##set[] __attribute__((__weak__, __visibility__("hidden")));    \
	extern type *const __stop_set_##set[] __attribute__((__weak__, __visibility__("hidden")))
#define SET_BEGIN(set)          (__start_set_##set)
#define SET_LIMIT(set)          (__stop_set_##set)
#define SET_COUNT(set)          ((size_t)(SET_LIMIT(set) - SET_BEGIN(set)))
#define SET_ITEM(set, i)        ((SET_BEGIN(set))[i])
#define SET_FOREACH(place, set) for ((place) = SET_BEGIN(set); (place) < SET_LIMIT(set); (place)++)

#endif
