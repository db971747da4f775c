/* Loader variables: kept by name, read by getenv(9), and put into the C variables that ask for them at boot. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

SET_DECLARE(iommusim_tunables, const struct iommusim_tunable);

static struct tunable *find(const struct iommusim_kernel *kernel, const char *name)
{
	struct tunable *tunable;

	TAILQ_FOREACH (tunable, &kernel->tunables, link)
		if (strcmp(tunable->name, name) == 0)
			return tunable;
	return NULL;
}

static void release(struct tunable *tunable)
{
	free(tunable->name);
	free(tunable->value);
	free(tunable);
}

enum iommusim_status iommusim_kernel_set_tunable(
    struct iommusim_kernel *kernel, const char *name, const char *value)
{
	struct tunable *old, *tunable;

	if (name == NULL || *name == '\0')
		return IOMMUSIM_EINVAL;
	old = find(kernel, name);
	if (value != NULL) {
		tunable = calloc(1, sizeof(*tunable));
		if (tunable == NULL)
			return IOMMUSIM_ENOMEM;
		tunable->name = kshim_copy(name);
		tunable->value = kshim_copy(value);
		if (tunable->name == NULL || tunable->value == NULL) {
			release(tunable);
			return IOMMUSIM_ENOMEM;
		}
		TAILQ_INSERT_TAIL(&kernel->tunables, tunable, link);
	}
	if (old != NULL) {
		TAILQ_REMOVE(&kernel->tunables, old, link);
		release(old);
	}
	return IOMMUSIM_OK;
}

const char *iommusim_kernel_tunable(const struct iommusim_kernel *kernel, const char *name)
{
	const struct tunable *tunable = find(kernel, name);

	return tunable == NULL ? NULL : tunable->value;
}

void kshim_tunables_free(struct iommusim_kernel *kernel)
{
	struct tunable *tunable;

	while ((tunable = TAILQ_FIRST(&kernel->tunables)) != NULL) {
		TAILQ_REMOVE(&kernel->tunables, tunable, link);
		release(tunable);
	}
}

/* ---- getenv(9) -------------------------------------------------------------------------------------------------- */

char *kern_getenv(const char *name)
{
	const char *value = iommusim_kernel_tunable(kshim_enter_now(), name);

	return value == NULL ? NULL
			     : iommusim_kernel_strdup(value, M_TEMP, M_WAITOK, __FILE__, __LINE__);
}

void freeenv(char *value)
{
	iommusim_kernel_free(value, M_TEMP, false, __FILE__, __LINE__);
}

int testenv(const char *name)
{
	return find(kshim_enter_quickly(), name) != NULL;
}

int kern_setenv(const char *name, const char *value)
{
	return iommusim_kernel_set_tunable(kshim_enter_quickly(), name, value) == IOMMUSIM_OK ? 0 : -1;
}

int kern_unsetenv(const char *name)
{
	return kern_setenv(name, NULL);
}

int getenv_string(const char *name, char *out, int size)
{
	const char *value = iommusim_kernel_tunable(kshim_enter_quickly(), name);

	if (value == NULL || size <= 0)
		return 0;
	iommusim_kernel_strlcpy(out, value, (size_t)size);
	return 1;
}

/* A number in C's notation, with a unit k, m, g or t behind it. False: not set, or no number. */
static bool number(const char *name, int64_t *value)
{
	const char *text = iommusim_kernel_tunable(kshim_enter_quickly(), name);
	static const char units[] = "kmgt";
	const char *unit;
	char *end;
	uint64_t result;

	if (text == NULL || *text == '\0')
		return false;
	result = strtoull(text, &end, 0);
	if (end == text)
		return false;
	unit = *end == '\0' ? NULL : strchr(units, *end | 0x20);
	if (unit != NULL) {
		result <<= 10 * (unit - units + 1);
		end++;
	}
	*value = (int64_t)result;
	return *end == '\0';
}

#define GETENV(function, type)                                                                         \
	int function(const char *name, type *value)                                                    \
	{                                                                                              \
		int64_t wide;                                                                          \
                                                                                                       \
		if (!number(name, &wide))                                                              \
			return 0;                                                                      \
		*value = (type)wide;                                                                   \
		return 1;                                                                              \
	}
GETENV(getenv_int, int)
GETENV(getenv_uint, unsigned int)
GETENV(getenv_long, long)
GETENV(getenv_ulong, unsigned long)
GETENV(getenv_int64, int64_t)
GETENV(getenv_uint64, uint64_t)
GETENV(getenv_quad, int64_t)

bool getenv_is_true(const char *name)
{
	const char *text = iommusim_kernel_tunable(kshim_enter_quickly(), name);

	return text != NULL &&
	    (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
		strcasecmp(text, "on") == 0);
}

bool getenv_is_false(const char *name)
{
	const char *text = iommusim_kernel_tunable(kshim_enter_quickly(), name);

	return text != NULL &&
	    (strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 ||
		strcasecmp(text, "off") == 0);
}

int getenv_bool(const char *name, bool *value)
{
	if (!getenv_is_true(name) && !getenv_is_false(name))
		return 0;
	*value = getenv_is_true(name);
	return 1;
}

static void fetch(const struct iommusim_tunable *tunable)
{
	switch (tunable->type) {
	case IOMMUSIM_TUNABLE_INT:
		getenv_int(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_LONG:
		getenv_long(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_ULONG:
		getenv_ulong(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_UINT64:
		getenv_uint64(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_INT64:
		getenv_int64(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_BOOL:
		getenv_bool(tunable->path, tunable->variable);
		break;
	case IOMMUSIM_TUNABLE_STR:
		getenv_string(tunable->path, tunable->variable, (int)tunable->size);
		break;
	}
}

void kshim_tunables_fetch(struct iommusim_kernel *kernel)
{
	(void)kernel;
	for (size_t i = 0; i < SET_COUNT(iommusim_tunables); i++)
		fetch(SET_ITEM(iommusim_tunables, i));
}

/* ---- hints ------------------------------------------------------------------------------------------------------ */

static const char *hint(const char *name, int unit, const char *what)
{
	char path[128];

	iommusim_kernel_snprintf(path, sizeof(path), "hint.%s.%d.%s", name, unit, what);
	return iommusim_kernel_tunable(kshim_enter_quickly(), path);
}

int resource_string_value(const char *name, int unit, const char *what, const char **value)
{
	const char *text = hint(name, unit, what);

	if (text == NULL)
		return ENOENT;
	*value = text;
	return 0;
}

int resource_long_value(const char *name, int unit, const char *what, long *value)
{
	const char *text = hint(name, unit, what);
	char *end;
	long result;

	if (text == NULL)
		return ENOENT;
	result = strtol(text, &end, 0);
	if (end == text || *end != '\0')
		return EFTYPE;
	*value = result;
	return 0;
}

int resource_int_value(const char *name, int unit, const char *what, int *value)
{
	long wide;
	const int error = resource_long_value(name, unit, what, &wide);

	if (error == 0)
		*value = (int)wide;
	return error;
}

int resource_disabled(const char *name, int unit)
{
	int value;

	return resource_int_value(name, unit, "disabled", &value) == 0 && value != 0;
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

size_t iommusim_kernel_strlcpy(char *to, const char *from, size_t size)
{
	const size_t length = strlen(from);

	if (size > 0) {
		const size_t copied = length < size ? length : size - 1;

		memcpy(to, from, copied);
		to[copied] = '\0';
	}
	return length;
}

size_t iommusim_kernel_strlcat(char *to, const char *from, size_t size)
{
	const size_t used = strnlen(to, size);

	return used + iommusim_kernel_strlcpy(to + used, from, size - used);
}

uint32_t iommusim_kernel_random(void)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	kernel->random ^= kernel->random << 13;
	kernel->random ^= kernel->random >> 7;
	kernel->random ^= kernel->random << 17;
	return (uint32_t)(kernel->random >> 16);
}
