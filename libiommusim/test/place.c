/*
 * From addresses in this program to source lines: its own DWARF line tables (versions 2 to 5, chapter 6.2), read once.
 * Without them, or when they are compressed, places are unknown and nothing else changes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test/state.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096u

struct row {
	uint64_t address;
	const char *file; /* NULL: the code that the row before speaks of ends here */
	uint32_t line;
};

struct bytes {
	const uint8_t *at, *end;
};

/* Of the whole program, filled before any test runs and only read afterwards. */
static struct {
	struct row *rows;
	size_t count, capacity;
	uintptr_t slide;
	bool loaded;
	struct bytes line, line_str, str;
} table;

static uint64_t get(struct bytes *in, unsigned width)
{
	uint64_t value = 0;

	if ((size_t)(in->end - in->at) < width) {
		in->at = in->end;
		return 0;
	}
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)in->at[i] << 8 * i;
	in->at += width;
	return value;
}

/* DWARF 7.6. */
static uint64_t get_leb(struct bytes *in, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte = 0x80;

	while ((byte & 0x80) != 0 && in->at < in->end) {
		byte = *in->at++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	}
	if (is_signed && shift < 64 && (byte & 0x40) != 0)
		value |= UINT64_MAX << shift;
	return value;
}

static const char *get_string(struct bytes *in)
{
	const char *text = (const char *)in->at;
	const uint8_t *nul = memchr(in->at, 0, (size_t)(in->end - in->at));

	if (nul == NULL) {
		in->at = in->end;
		return "";
	}
	in->at = nul + 1;
	return text;
}

static const char *string_at(const struct bytes *section, uint64_t offset)
{
	struct bytes in = *section;

	if (offset >= (uint64_t)(in.end - in.at))
		return "";
	in.at += offset;
	return get_string(&in);
}

/* DWARF 7.5.6: the forms that line tables use. */
enum {
	FORM_BLOCK = 0x09,
	FORM_DATA1 = 0x0b,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_DATA16 = 0x1e,
	FORM_STRING = 0x08,
	FORM_STRP = 0x0e,
	FORM_LINE_STRP = 0x1f,
	FORM_UDATA = 0x0f
};

static uint64_t get_form(struct bytes *in, uint64_t form, const char **text)
{
	*text = NULL;
	switch (form) {
	case FORM_STRING:
		*text = get_string(in);
		return 0;
	case FORM_STRP:
		*text = string_at(&table.str, get(in, 4));
		return 0;
	case FORM_LINE_STRP:
		*text = string_at(&table.line_str, get(in, 4));
		return 0;
	case FORM_DATA1:
		return get(in, 1);
	case FORM_DATA2:
		return get(in, 2);
	case FORM_DATA4:
		return get(in, 4);
	case FORM_DATA8:
		return get(in, 8);
	case FORM_DATA16:
		get(in, 8);
		return get(in, 8);
	case FORM_UDATA:
		return get_leb(in, false);
	case FORM_BLOCK: {
		const uint64_t length = get_leb(in, false);

		in->at = length < (uint64_t)(in->end - in->at) ? in->at + length : in->end;
		return 0;
	}
	default: /* unknown: nothing behind it can be read */
		in->at = in->end;
		return 0;
	}
}

struct name {
	const char *text;
	uint64_t directory;
};

/* One unit's line table: its header, and the state of its program (DWARF 6.2.2). */
struct unit {
	unsigned version;
	uint8_t minimum, line_range, opcode_base;
	int8_t line_base;
	uint8_t lengths[256];
	struct name directories[FILES / 8], files[FILES];
	const char *full[FILES]; /* made when it is first needed */
	size_t directory_count, file_count;
	uint64_t address, file, line;
};

/* Version 5: entries of a described shape. */
static size_t get_entries(struct bytes *in, struct name *names, size_t room)
{
	uint64_t shape[16][2];
	const uint64_t columns = get(in, 1);
	uint64_t count;
	size_t kept = 0;

	for (uint64_t i = 0; i < columns; i++) {
		const uint64_t content = get_leb(in, false), form = get_leb(in, false);

		if (i < 16) {
			shape[i][0] = content;
			shape[i][1] = form;
		}
	}
	count = get_leb(in, false);
	if (columns > 16)
		in->at = in->end;
	for (uint64_t i = 0; i < count && in->at < in->end; i++) {
		struct name name = { "", 0 };

		for (uint64_t column = 0; column < columns; column++) {
			const char *text;
			const uint64_t value = get_form(in, shape[column][1], &text);

			if (shape[column][0] == 1 && text != NULL)
				name.text = text;
			else if (shape[column][0] == 2)
				name.directory = value;
		}
		if (kept < room)
			names[kept++] = name;
	}
	return kept;
}

/* Versions 2 to 4: names ended by an empty one; number 0 is the unit's own. */
static void get_old_names(struct bytes *in, struct unit *unit)
{
	const char *text;

	unit->directories[0] = (struct name){ "", 0 };
	unit->files[0] = (struct name){ "", 0 };
	unit->directory_count = unit->file_count = 1;
	while (in->at < in->end && *(text = get_string(in)) != '\0')
		if (unit->directory_count < FILES / 8)
			unit->directories[unit->directory_count++] = (struct name){ text, 0 };
	while (in->at < in->end && *(text = get_string(in)) != '\0') {
		const uint64_t directory = get_leb(in, false);

		get_leb(in, false);
		get_leb(in, false);
		if (unit->file_count < FILES)
			unit->files[unit->file_count++] = (struct name){ text, directory };
	}
}

static const char *full_name(struct unit *unit, uint64_t file)
{
	const struct name *name;
	const char *directory = "";
	size_t size;
	char *full;

	if (file >= unit->file_count)
		return "?";
	if (unit->full[file] != NULL)
		return unit->full[file];
	name = &unit->files[file];
	unit->full[file] = name->text;
	if (name->directory < unit->directory_count)
		directory = unit->directories[name->directory].text;
	if (name->text[0] == '/' || directory[0] == '\0')
		return name->text;
	size = strlen(directory) + strlen(name->text) + 2;
	full = malloc(size);
	if (full == NULL)
		return name->text;
	memcpy(full, directory, strlen(directory));
	full[strlen(directory)] = '/';
	memcpy(full + strlen(directory) + 1, name->text, strlen(name->text) + 1);
	unit->full[file] = full;
	return full;
}

static void add_row(struct unit *unit, bool end)
{
	if (table.count == table.capacity) {
		const size_t capacity = table.capacity == 0 ? 8192 : table.capacity * 2;
		struct row *rows = realloc(table.rows, capacity * sizeof(*rows));

		if (rows == NULL)
			return;
		table.rows = rows;
		table.capacity = capacity;
	}
	table.rows[table.count++] = (struct row){ unit->address,
		end ? NULL : full_name(unit, unit->file), (uint32_t)unit->line };
}

static void start_sequence(struct unit *unit)
{
	unit->address = 0;
	unit->file = unit->line = 1;
}

/* DWARF 6.2.5.3. */
static void extended(struct bytes *in, struct unit *unit)
{
	const uint64_t length = get_leb(in, false);
	const uint8_t *next = length < (uint64_t)(in->end - in->at) ? in->at + length : in->end;
	const uint64_t opcode = get(in, 1);

	if (opcode == 1) {
		add_row(unit, true);
		start_sequence(unit);
	} else if (opcode == 2) {
		unit->address = get(in, (unsigned)(length - 1 > 8 ? 8 : length - 1));
	}
	in->at = next;
}

/* DWARF 6.2.5.2. */
static void standard(struct bytes *in, struct unit *unit, uint8_t opcode)
{
	switch (opcode) {
	case 1:
		add_row(unit, false);
		break;
	case 2:
		unit->address += get_leb(in, false) * unit->minimum;
		break;
	case 3:
		unit->line += get_leb(in, true);
		break;
	case 4:
		unit->file = get_leb(in, false);
		break;
	case 8:
		unit->address +=
		    (uint64_t)((255 - unit->opcode_base) / unit->line_range) * unit->minimum;
		break;
	case 9:
		unit->address += get(in, 2);
		break;
	default:
		for (unsigned i = 0; i < unit->lengths[opcode]; i++)
			get_leb(in, false);
	}
}

static void run_program(struct bytes in, struct unit *unit)
{
	start_sequence(unit);
	while (in.at < in.end) {
		const uint8_t opcode = (uint8_t)get(&in, 1);

		if (opcode == 0) {
			extended(&in, unit);
		} else if (opcode < unit->opcode_base) {
			standard(&in, unit, opcode);
		} else {
			const uint8_t special = (uint8_t)(opcode - unit->opcode_base);

			unit->address += (uint64_t)(special / unit->line_range) * unit->minimum;
			unit->line += (uint64_t)(int64_t)(unit->line_base + special % unit->line_range);
			add_row(unit, false);
		}
	}
}

/* DWARF 6.2.4. */
static void read_unit(struct bytes in, struct unit *unit)
{
	struct bytes program;
	uint64_t header;

	memset(unit, 0, sizeof(*unit));
	unit->version = (unsigned)get(&in, 2);
	if (unit->version < 2 || unit->version > 5)
		return;
	if (unit->version >= 5)
		get(&in, 2);
	header = get(&in, 4);
	if (header > (uint64_t)(in.end - in.at))
		return;
	program = (struct bytes){ in.at + header, in.end };
	in.end = program.at;
	unit->minimum = (uint8_t)get(&in, 1);
	if (unit->version >= 4)
		get(&in, 1);
	get(&in, 1);
	unit->line_base = (int8_t)get(&in, 1);
	unit->line_range = (uint8_t)get(&in, 1);
	unit->opcode_base = (uint8_t)get(&in, 1);
	for (unsigned i = 1; i < unit->opcode_base; i++)
		unit->lengths[i] = (uint8_t)get(&in, 1);
	if (unit->line_range == 0)
		return;
	if (unit->version >= 5) {
		unit->directory_count = get_entries(&in, unit->directories, FILES / 8);
		unit->file_count = get_entries(&in, unit->files, FILES);
	} else {
		get_old_names(&in, unit);
	}
	run_program(program, unit);
}

static void read_all(void)
{
	struct unit *unit = malloc(sizeof(*unit));
	struct bytes in = table.line;

	while (unit != NULL && in.end - in.at > 4) {
		const uint64_t length = get(&in, 4);

		if (length >= 0xfffffff0 || length > (uint64_t)(in.end - in.at))
			break; /* 64-bit DWARF, or broken */
		read_unit((struct bytes){ in.at, in.at + length }, unit);
		in.at += length;
	}
	free(unit);
}

/* Ends come first, so that what begins at the same address is found. */
static int in_order(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->file != NULL) - (b->file != NULL);
}

static void take_section(const uint8_t *file, size_t size, const Elf64_Shdr *section, const char *name)
{
	const struct bytes bytes = { file + section->sh_offset,
		file + section->sh_offset + section->sh_size };

	if (section->sh_offset > size || section->sh_size > size - section->sh_offset ||
	    section->sh_type == SHT_NOBITS || (section->sh_flags & SHF_COMPRESSED) != 0)
		return;
	if (strcmp(name, ".debug_line") == 0)
		table.line = bytes;
	else if (strcmp(name, ".debug_line_str") == 0)
		table.line_str = bytes;
	else if (strcmp(name, ".debug_str") == 0)
		table.str = bytes;
}

static void read_elf(const uint8_t *file, size_t size)
{
	const Elf64_Ehdr *header = (const void *)file;
	const Elf64_Shdr *sections;
	const char *names;

	if (size < sizeof(*header) || memcmp(file, ELFMAG, SELFMAG) != 0 ||
	    file[EI_CLASS] != ELFCLASS64 || header->e_shoff > size ||
	    header->e_shnum * sizeof(*sections) > size - header->e_shoff ||
	    header->e_shstrndx >= header->e_shnum)
		return;
	sections = (const void *)(file + header->e_shoff);
	if (sections[header->e_shstrndx].sh_offset >= size)
		return;
	names = (const char *)file + sections[header->e_shstrndx].sh_offset;
	for (size_t i = 0; i < header->e_shnum; i++)
		take_section(file, size, &sections[i], names + sections[i].sh_name);
	read_all();
	qsort(table.rows, table.count, sizeof(*table.rows), in_order);
}

/* The program itself comes first. */
static int note_slide(struct dl_phdr_info *object, size_t size, void *context)
{
	(void)size;
	(void)context;
	table.slide = (uintptr_t)object->dlpi_addr;
	return 1;
}

void place_load(void)
{
	static const char *const paths[] = { "/proc/self/exe", "/proc/curproc/file" };
	struct stat about;
	int file = -1;
	void *bytes;

	if (table.loaded)
		return;
	table.loaded = true;
	for (size_t i = 0; i < 2 && file < 0; i++)
		file = open(paths[i], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	if (fstat(file, &about) == 0 &&
	    (bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0)) !=
		MAP_FAILED) {
		dl_iterate_phdr(note_slide, NULL);
		read_elf(bytes, (size_t)about.st_size); /* names stay in it: it is not unmapped */
	}
	close(file);
}

bool place_find(const void *address, struct iommusim_place *place)
{
	const uint64_t wanted = (uintptr_t)address - table.slide;
	size_t low = 0, high = table.count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (table.rows[middle].address <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || table.rows[low - 1].file == NULL || table.rows[low - 1].line == 0)
		return false;
	*place = (struct iommusim_place){ table.rows[low - 1].file, table.rows[low - 1].line };
	return true;
}
