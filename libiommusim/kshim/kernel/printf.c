/* Kernel printf: standard conversions, %b (bits by name) and %D (bytes in hexadecimal); and the console. */
#include "kshim/kernel/state.h"

#include <stdio.h>
#include <stdlib.h>

struct text {
	char *out;
	size_t size;
	size_t length; /* of all of it, whether there was room or not */
};

static void put(struct text *text, char c)
{
	if (text->length + 1 < text->size)
		text->out[text->length] = c;
	text->length++;
}

static void put_all(struct text *text, const char *from)
{
	while (*from != '\0')
		put(text, *from++);
}

/* "0x5<one,three>": of `names`, the first byte is the base and each later one that is below 33 a bit from 1. */
static void put_bits(struct text *text, unsigned value, const char *names)
{
	char number[24];
	bool any = false;

	snprintf(number, sizeof(number), *names == 8 ? "%o" : *names == 10 ? "%u" : "%x", value);
	put_all(text, number);
	if (*names != '\0')
		names++;
	while (*names != '\0') {
		const unsigned bit = (unsigned char)*names++ - 1u;
		const bool set = bit < 32 && (value >> bit & 1) != 0;

		if (set)
			put(text, any ? ',' : '<');
		any |= set;
		for (; *names > ' '; names++)
			if (set)
				put(text, *names);
	}
	if (any)
		put(text, '>');
}

static void put_bytes(struct text *text, const unsigned char *bytes, const char *between, int count)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < count; i++) {
		if (i > 0)
			put_all(text, between);
		put(text, digits[bytes[i] >> 4]);
		put(text, digits[bytes[i] & 15]);
	}
}

/* The next number, as wide as its length says: everything above int is 8 bytes here. */
static uintmax_t next_number(char length, char conversion, va_list *arguments)
{
	const bool is_signed = conversion == 'd' || conversion == 'i';
	uintmax_t value;

	if (length == '\0' || length == 'h' || length == 'H') {
		value = va_arg(*arguments, unsigned);
		if (length == 'h')
			value = is_signed ? (uintmax_t)(int16_t)value : (uint16_t)value;
		else if (length == 'H')
			value = is_signed ? (uintmax_t)(int8_t)value : (uint8_t)value;
		else if (is_signed)
			value = (uintmax_t)(int32_t)value;
		return value;
	}
	return va_arg(*arguments, uintmax_t);
}

/* One conversion as libc's printf does it: `spec` is all of it with width and precision as digits. */
static void put_standard(
    struct text *text, const char *spec, char length, char conversion, va_list *arguments)
{
	char small[256];

	small[0] = '\0';
	if (conversion == 'p')
		snprintf(small, sizeof(small), spec, va_arg(*arguments, void *));
	else
		snprintf(small, sizeof(small), spec, next_number(length, conversion, arguments));
	put_all(text, small);
}

static void put_string(struct text *text, const char *string, bool left, int width, int precision)
{
	size_t length;

	if (string == NULL)
		string = "(null)";
	length = precision < 0 ? strlen(string) : strnlen(string, (size_t)precision);
	for (size_t i = length; !left && i < (size_t)width; i++)
		put(text, ' ');
	for (size_t i = 0; i < length; i++)
		put(text, string[i]);
	for (size_t i = length; left && i < (size_t)width; i++)
		put(text, ' ');
}

struct conversion {
	char spec[48];
	size_t used;
	bool left;
	int width;
	int precision; /* -1: none */
	char length;
};

static void keep(struct conversion *conversion, char c)
{
	if (conversion->used + 1 < sizeof(conversion->spec))
		conversion->spec[conversion->used++] = c;
	conversion->spec[conversion->used] = '\0';
}

static void keep_all(struct conversion *conversion, const char *text)
{
	while (*text != '\0')
		keep(conversion, *text++);
}

static const char *read_number(
    const char *at, struct conversion *conversion, int *number, va_list *arguments)
{
	char digits[16];

	*number = 0;
	if (*at == '*') {
		*number = va_arg(*arguments, int);
		if (*number < 0 && conversion->precision < 0) {
			conversion->left = true;
			keep(conversion, '-');
			*number = -*number;
		}
		at++;
	}
	for (; *at >= '0' && *at <= '9'; at++)
		*number = *number < 100000 ? *number * 10 + (*at - '0') : *number;
	snprintf(digits, sizeof(digits), "%d", *number);
	for (const char *digit = digits; *digit != '\0'; digit++)
		keep(conversion, *digit);
	return at;
}

static const char *read_conversion(const char *at, struct conversion *conversion, va_list *arguments)
{
	*conversion = (struct conversion){ .spec = "%", .used = 1, .precision = -1 };
	for (; *at != '\0' && strchr("#0- +'", *at) != NULL; at++) {
		conversion->left |= *at == '-';
		keep(conversion, *at);
	}
	if (*at == '*' || (*at >= '1' && *at <= '9'))
		at = read_number(at, conversion, &conversion->width, arguments);
	if (*at == '.') {
		keep(conversion, '.');
		conversion->precision = 0;
		at = read_number(at + 1, conversion, &conversion->precision, arguments);
	}
	for (; *at != '\0' && strchr("hlqjtz", *at) != NULL; at++) {
		if (*at == 'h')
			conversion->length = (char)(conversion->length == 'h' ? 'H' : 'h');
		else
			conversion->length = *at;
	}
	return at;
}

int kshim_format_text(char *out, size_t size, const char *format, va_list from)
{
	struct text text = { .out = out, .size = size };
	struct conversion how;
	va_list arguments;
	unsigned value;
	const unsigned char *bytes;

	va_copy(arguments, from);
	while (*format != '\0') {
		if (*format != '%') {
			put(&text, *format++);
			continue;
		}
		format = read_conversion(format + 1, &how, &arguments);
		switch (*format) {
		case '\0':
			continue;
		case '%':
			put(&text, '%');
			break;
		case 'b':
			value = (unsigned)va_arg(arguments, int);
			put_bits(&text, value, va_arg(arguments, const char *));
			break;
		case 'D':
			bytes = va_arg(arguments, const unsigned char *);
			put_bytes(&text, bytes, va_arg(arguments, const char *),
			    how.width == 0 ? 16 : how.width);
			break;
		case 's':
			put_string(
			    &text, va_arg(arguments, const char *), how.left, how.width, how.precision);
			break;
		case 'y': /* signed hexadecimal, an oddity of old */
			keep_all(&how, "jx");
			put_standard(&text, how.spec, how.length, 'x', &arguments);
			break;
		case 'r':
			keep_all(&how, "ju");
			put_standard(&text, how.spec, how.length, 'u', &arguments);
			break;
		case 'c':
			put(&text, (char)va_arg(arguments, int));
			break;
		default:
			if (*format != 'p')
				keep(&how, 'j');
			keep(&how, *format);
			put_standard(&text, how.spec, how.length, *format, &arguments);
		}
		format++;
	}
	va_end(arguments);
	if (size > 0)
		out[text.length < size ? text.length : size - 1] = '\0';
	return (int)text.length;
}

/* ---- the console ------------------------------------------------------------------------------------------- */

/* What there is no memory for is not kept. */
void kshim_console_add(struct iommusim_kernel *kernel, const char *from, size_t length)
{
	if (kernel->console_length + length + 1 > kernel->console_capacity) {
		const size_t capacity = (kernel->console_length + length + 1) * 2;
		char *larger = realloc(kernel->console, capacity);

		if (larger == NULL)
			return;
		kernel->console = larger;
		kernel->console_capacity = capacity;
	}
	memcpy(kernel->console + kernel->console_length, from, length);
	kernel->console_length += length;
	kernel->console[kernel->console_length] = '\0';
}

const char *iommusim_kernel_console(const struct iommusim_kernel *kernel)
{
	return kernel->console;
}

void iommusim_kernel_console_clear(struct iommusim_kernel *kernel)
{
	kernel->console_length = 0;
	kernel->console[0] = '\0';
}

int iommusim_kernel_vprintf(const char *format, va_list arguments)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	char line[512], *longer;
	const int length = kshim_format_text(line, sizeof(line), format, arguments);

	if ((size_t)length < sizeof(line)) {
		kshim_console_add(kernel, line, (size_t)length);
		return length;
	}
	longer = malloc((size_t)length + 1);
	if (longer != NULL) {
		kshim_format_text(longer, (size_t)length + 1, format, arguments);
		kshim_console_add(kernel, longer, (size_t)length);
	}
	free(longer);
	return length;
}

#define WITH_ARGUMENTS(call)                                                                           \
	va_list arguments;                                                                             \
	int length;                                                                                    \
                                                                                                       \
	va_start(arguments, format);                                                                   \
	length = call;                                                                                 \
	va_end(arguments)

int iommusim_kernel_printf(const char *format, ...)
{
	WITH_ARGUMENTS(iommusim_kernel_vprintf(format, arguments));
	return length;
}

void iommusim_kernel_log(int level, const char *format, ...)
{
	WITH_ARGUMENTS(iommusim_kernel_vprintf(format, arguments));
	(void)level;
	(void)length;
}

int iommusim_kernel_vsnprintf(char *out, size_t size, const char *format, va_list arguments)
{
	return kshim_format_text(out, size, format, arguments);
}

int iommusim_kernel_snprintf(char *out, size_t size, const char *format, ...)
{
	WITH_ARGUMENTS(kshim_format_text(out, size, format, arguments));
	return length;
}

int iommusim_kernel_vsprintf(char *out, const char *format, va_list arguments)
{
	return kshim_format_text(out, SIZE_MAX, format, arguments);
}

int iommusim_kernel_sprintf(char *out, const char *format, ...)
{
	WITH_ARGUMENTS(kshim_format_text(out, SIZE_MAX, format, arguments));
	return length;
}

int device_printf(device_t device, const char *format, ...)
{
	const int before = device_print_prettyname(device);

	WITH_ARGUMENTS(iommusim_kernel_vprintf(format, arguments));
	return before + length;
}

int device_log(device_t device, int level, const char *format, ...)
{
	const int before = device_print_prettyname(device);

	(void)level;
	WITH_ARGUMENTS(iommusim_kernel_vprintf(format, arguments));
	return before + length;
}
