/* Marks what the library exports. Nothing else lives here. */
#ifndef IOMMUSIM_EXPORT_H
#define IOMMUSIM_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define IOMMUSIM_API __attribute__((visibility("default")))
#else
#define IOMMUSIM_API
#endif

#endif
