/* `iommusim walk`: one translation, entry by entry. Machines and their display are made elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommusim/pci.h>
#include <iommusim/trace.h>

#include "command.h"
#include "options.h"
#include "trace_input.h"
#include "walk_memory.h"
#include "walk_show.h"

static const char usage[] =
    "usage: iommusim walk --trace FILE [--line N] --rid DEVICE WHAT\n"
    "       iommusim walk --memory FILE... --platform FILE --root ADDRESS --rid DEVICE WHAT\n"
    "\n"
    "Shows where a device's request goes: every entry hardware reads, its fields by the specification's\n"
    "names, and the rule that decides. Nothing changes by it. By the tables alone: no cache is asked.\n"
    "\n"
    "the machine:\n"
    "      --trace FILE          as a trace leaves it, after line N or at its end\n"
    "      --line N\n"
    "      --vmm NAME            with this release's behaviour, whatever the trace says\n"
    "      --iommu VENDOR        vtd or amdvi: a story told for that one too (also=) is played on it\n"
    "      --memory FILE...      memory images: pages as JSON lines ({\"pa\", \"hex\"}, may be "
    "compressed),\n"
    "                            or a raw image as FILE@ADDRESS\n"
    "      --platform FILE       the unit and the RAM that go with them, as platform.json has it\n"
    "      --root ADDRESS        the root table (the value of RTADDR); AMD-Vi: the device table (of\n"
    "                            DEVTAB_BASE, with its size)\n"
    "      --irta VALUE          the interrupt remapping table (the value of IRTA, with its size)\n"
    "      --control VALUE       AMD-Vi: CONTROL, by which interrupt entries have 32 or 128 bits\n"
    "WHAT:\n"
    "      --rid DEVICE          7/0/0 in decimal, or 07:00.0 in hexadecimal as lspci has it\n"
    "      --iova ADDRESS        a read of this address; with --write a write\n"
    "      --write\n"
    "      --translated          the address is a translated one already (ATS)\n"
    "      --pasid N             the request carries this PASID\n"
    "      --interrupt ADDRESS,DATA   a message interrupt instead\n"
    "\n"
    "  -f, --fields              every field on a line of its own, with what it means\n"
    "  -j, --json                one JSON object\n"
    "  -h, --help                this text\n"
    "\n"
    "exit: 0 the request goes through, 1 it is denied, 2 a file cannot be used or wrong usage,\n"
    "3 out of memory or another resource\n";

/* What was asked for. */
struct run {
	const char *trace;
	const char *profile;
	enum iommusim_vendor vendor;
	uint64_t line; /* 0: the end */
	struct walk_image image;
	bool has_rid;
	bool has_iova;
	struct walk_question question;
	bool json;
	bool fields;

	/* what came of it */
	bool asked;
	enum iommusim_status status;
	struct walk_answer answer;
};

/* What is wrong with an option, its argument, or (both NULL) with all of them together. */
static int refuse(const char *option, const char *argument, const char *problem)
{
	fputs("iommusim walk: ", stderr);
	if (option != NULL)
		fputs(option, stderr);
	if (argument != NULL)
		fprintf(stderr, " %s", argument);
	fprintf(stderr, "%s%s\nTry `iommusim walk --help`.\n", option != NULL ? ": " : "", problem);
	return COMMAND_BAD_INPUT;
}

static int complain(
    const char *file, enum iommusim_status status, const struct iommusim_diagnostic *problem)
{
	const bool memory = status == IOMMUSIM_ENOMEM;

	fprintf(stderr, "%s:%u:%u: %s\n", file, problem->line, problem->column,
	    memory && problem->text[0] == '\0' ? "out of memory" : problem->text);
	return memory ? COMMAND_NO_RESOURCES : COMMAND_BAD_INPUT;
}

/* ---- the machine of a trace ------------------------------------------------------------------------------- */

static void ask_at_end(
    void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	struct run *run = context;

	(void)check;
	run->asked = true;
	run->status = walk_ask(iommusim_vmm_machine(vmm), &run->question, &run->answer);
}

static uint64_t count_lines(const char *text, size_t length)
{
	uint64_t lines = length > 0 && text[length - 1] != '\n';

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

static int check_line(const struct run *run, const char *text, size_t length)
{
	const uint64_t lines = count_lines(text, length);
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_EFORMAT };

	if (run->line <= lines)
		return COMMAND_OK;
	problem.line = (uint32_t)(lines == 0 ? 1 : lines);
	problem.column = 1;
	snprintf(problem.text, sizeof(problem.text), "this is the last line; --line %llu is beyond it",
	    (unsigned long long)run->line);
	return complain(run->trace, IOMMUSIM_EFORMAT, &problem);
}

static int replay_and_ask(struct run *run, const char *text, size_t length)
{
	const struct iommusim_replay_options options = {
		.profile = run->profile,
		.vendor = run->vendor,
		.last_line = (uint32_t)run->line,
		.context = run,
		.on_end = ask_at_end,
	};
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	struct iommusim_replay_summary summary;
	const enum iommusim_status status =
	    iommusim_replay(run->trace, text, length, &options, &summary, &problem);

	return status == IOMMUSIM_OK ? COMMAND_OK : complain(run->trace, status, &problem);
}

static int ask_trace(struct run *run)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	char *text;
	size_t length;
	const enum iommusim_status status = trace_read(run->trace, &text, &length, &problem);
	int code;

	if (status != IOMMUSIM_OK)
		return complain(run->trace, status, &problem);
	code = check_line(run, text, length);
	if (code == COMMAND_OK)
		code = replay_and_ask(run, text, length);
	free(text);
	return code;
}

/* ---- the machine of memory images ------------------------------------------------------------------------- */

static int ask_memory(struct run *run)
{
	struct recording_problem problem = { .about = { .status = IOMMUSIM_OK } };
	struct recording_platform platform;
	const enum iommusim_status status = walk_memory_build(&run->image, &platform, &problem);

	if (status != IOMMUSIM_OK)
		return complain(problem.file[0] == '\0' ? run->image.platform : problem.file, status,
		    &problem.about);
	run->asked = true;
	run->status = walk_ask(platform.machine, &run->question, &run->answer);
	iommusim_machine_destroy(platform.machine);
	return COMMAND_OK;
}

/* ---- the answer -------------------------------------------------------------------------------------------- */

static int show(const struct run *run)
{
	const struct walk_style style = {
		.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL,
		.fields = run->fields,
	};
	const struct iommusim_diagnostic nothing = { .status = IOMMUSIM_ENOMEM };

	if (run->status == IOMMUSIM_EINVAL)
		return refuse(run->question.is_interrupt ? "--interrupt" : "--iova", NULL,
		    run->question.is_interrupt
			? "expected a multiple of 4 from 0xfee00000 to 0xfeefffff, a comma and the "
			  "data, such as 0xfee00018,0"
			: "the request would run past the last address");
	if (run->status != IOMMUSIM_OK || (run->json && walk_json(stdout, &run->answer) != IOMMUSIM_OK))
		return complain("iommusim walk", IOMMUSIM_ENOMEM, &nothing);
	if (!run->json)
		walk_text(stdout, &run->answer, &style);
	return run->answer.walk.result.faulted ? COMMAND_UNEXPECTED : COMMAND_OK;
}

/* ---- the command line --------------------------------------------------------------------------------------- */

enum option_id {
	OPTION_TRACE = 256,
	OPTION_LINE,
	OPTION_VMM,
	OPTION_IOMMU,
	OPTION_MEMORY,
	OPTION_PLATFORM,
	OPTION_ROOT,
	OPTION_IRTA,
	OPTION_CONTROL,
	OPTION_RID,
	OPTION_IOVA,
	OPTION_WRITE,
	OPTION_TRANSLATED,
	OPTION_PASID,
	OPTION_INTERRUPT
};

static int take_number(const char *option, const char *text, uint64_t most, uint64_t *number)
{
	const char *problem;

	if (iommusim_trace_number(text, number, &problem) != IOMMUSIM_OK)
		return refuse(option, text, problem);
	return *number <= most ? COMMAND_OK : refuse(option, text, "the number is too large");
}

static int take_device(struct run *run, const char *text)
{
	const char *problem;

	run->has_rid = true;
	if (iommusim_trace_device(text, &run->question.segment, &run->question.rid, &problem) ==
	    IOMMUSIM_OK)
		return COMMAND_OK;
	return refuse("--rid", text, problem);
}

static int take_interrupt(struct run *run, const char *text)
{
	const char *comma = strchr(text, ',');
	char *address = comma == NULL ? NULL : strndup(text, (size_t)(comma - text));
	uint64_t data = 0;
	int code;

	if (comma == NULL)
		return refuse("--interrupt", text, "expected ADDRESS,DATA");
	if (address == NULL)
		return COMMAND_NO_RESOURCES;
	run->question.is_interrupt = true;
	code = take_number("--interrupt", address, UINT64_MAX, &run->question.interrupt.address);
	if (code == COMMAND_OK)
		code = take_number("--interrupt", comma + 1, UINT32_MAX, &data);
	run->question.interrupt.data = (uint32_t)data;
	free(address);
	return code;
}

static int take_pasid(struct run *run, const char *text)
{
	uint64_t pasid = 0;
	const int code = take_number("--pasid", text, 0xfffff, &pasid);

	run->question.dma.has_pasid = true;
	run->question.dma.pasid = (uint32_t)pasid;
	return code;
}

static int take_profile(struct run *run, const char *name)
{
	run->profile = name;
	return iommusim_profile_exists(name) ? COMMAND_OK
					     : refuse("--vmm", name, "no release profile of that name");
}

/* What the machine is made of. */
static int take_machine_option(struct run *run, int option, const char *argument)
{
	switch (option) {
	case OPTION_TRACE:
		run->trace = argument;
		return COMMAND_OK;
	case OPTION_LINE:
		return take_number("--line", argument, UINT32_MAX, &run->line) == COMMAND_OK
		    ? run->line != 0 ? COMMAND_OK : refuse("--line", argument, "lines count from 1")
		    : COMMAND_BAD_INPUT;
	case OPTION_VMM:
		return take_profile(run, argument);
	case OPTION_IOMMU:
		return iommusim_vendor_find(argument, &run->vendor) == IOMMUSIM_OK
		    ? COMMAND_OK
		    : refuse("--iommu", argument, "expected vtd or amdvi");
	case OPTION_PLATFORM:
		run->image.platform = argument;
		return COMMAND_OK;
	case OPTION_ROOT:
		run->image.has_root = true;
		return take_number("--root", argument, UINT64_MAX, &run->image.root);
	case OPTION_CONTROL:
		run->image.has_control = true;
		return take_number("--control", argument, UINT64_MAX, &run->image.control);
	default:
		run->image.has_irta = true;
		return take_number("--irta", argument, UINT64_MAX, &run->image.irta);
	}
}

static int take_option(void *context, int option, char *argument)
{
	struct run *run = context;

	switch (option) {
	case 'j':
		run->json = true;
		return COMMAND_OK;
	case 'f':
		run->fields = true;
		return COMMAND_OK;
	case OPTION_RID:
		return take_device(run, argument);
	case OPTION_IOVA:
		run->has_iova = true;
		return take_number("--iova", argument, UINT64_MAX, &run->question.dma.address);
	case OPTION_WRITE:
		run->question.dma.kind = IOMMUSIM_DMA_WRITE;
		return COMMAND_OK;
	case OPTION_TRANSLATED:
		run->question.dma.address_type = IOMMUSIM_DMA_TRANSLATED;
		return COMMAND_OK;
	case OPTION_PASID:
		return take_pasid(run, argument);
	case OPTION_INTERRUPT:
		return take_interrupt(run, argument);
	case OPTION_MEMORY:
		run->image.files[run->image.file_count++] = argument;
		return COMMAND_OK;
	default:
		return take_machine_option(run, option, argument);
	}
}

/* Memory images may stand behind --memory, and without it: `files` has room for all arguments. */
static bool take_options(struct run *run, int argc, char **argv, char **files, int *code)
{
	static const struct option rows[] = {
		{ "trace", required_argument, NULL, OPTION_TRACE },
		{ "line", required_argument, NULL, OPTION_LINE },
		{ "vmm", required_argument, NULL, OPTION_VMM },
		{ "iommu", required_argument, NULL, OPTION_IOMMU },
		{ "memory", required_argument, NULL, OPTION_MEMORY },
		{ "platform", required_argument, NULL, OPTION_PLATFORM },
		{ "root", required_argument, NULL, OPTION_ROOT },
		{ "irta", required_argument, NULL, OPTION_IRTA },
		{ "control", required_argument, NULL, OPTION_CONTROL },
		{ "rid", required_argument, NULL, OPTION_RID },
		{ "iova", required_argument, NULL, OPTION_IOVA },
		{ "write", no_argument, NULL, OPTION_WRITE },
		{ "translated", no_argument, NULL, OPTION_TRANSLATED },
		{ "pasid", required_argument, NULL, OPTION_PASID },
		{ "interrupt", required_argument, NULL, OPTION_INTERRUPT },
		{ "fields", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "walk",
		.usage = usage,
		.letters = ":fjh",
		.rows = rows,
		.take = take_option,
	};

	run->image.files = files;
	if (!options_take(&options, run, argc, argv, code))
		return false;
	for (int i = optind; i < argc; i++)
		files[run->image.file_count++] = argv[i];
	return true;
}

static int check_machine(const struct run *run)
{
	const struct walk_image *image = &run->image;

	if (run->trace == NULL && image->file_count == 0)
		return refuse(NULL, NULL, "no machine: give --trace FILE, or --memory FILE");
	if (run->trace != NULL && image->file_count != 0)
		return refuse(image->files[0], NULL, "a trace has memory of its own; expected either");
	if (run->trace != NULL &&
	    (image->platform != NULL || image->has_root || image->has_irta || image->has_control))
		return refuse(NULL, NULL,
		    "--platform, --root, --irta and --control go with --memory, not with --trace");
	if (run->trace != NULL)
		return COMMAND_OK;
	if (run->line != 0 || run->profile != NULL || run->vendor != IOMMUSIM_VENDOR_OF_TRACE)
		return refuse(
		    NULL, NULL, "--line, --vmm and --iommu go with --trace, not with --memory");
	if (image->platform == NULL)
		return refuse(
		    NULL, NULL, "--memory needs --platform FILE: which unit and how much RAM");
	if (run->question.is_interrupt && !image->has_irta && !image->has_control)
		return refuse(NULL, NULL,
		    "--interrupt needs --irta VALUE: where the table is, and its size; on AMD-Vi it needs "
		    "--root ADDRESS and --control VALUE");
	if ((!run->question.is_interrupt || image->has_control) && !image->has_root)
		return refuse(NULL, NULL,
		    "--memory needs --root ADDRESS: where the root table or the device table is");
	return COMMAND_OK;
}

static int check_question(const struct run *run)
{
	if (!run->has_rid)
		return refuse(NULL, NULL, "no device: give --rid 7/0/0 or --rid 07:00.0");
	if (run->has_iova && run->question.is_interrupt)
		return refuse(NULL, NULL, "--iova or --interrupt, not both");
	if (run->question.is_interrupt && run->question.dma.kind == IOMMUSIM_DMA_WRITE)
		return refuse(NULL, NULL, "--write goes with --iova; an interrupt is a write already");
	if (!run->has_iova && !run->question.is_interrupt)
		return refuse(
		    NULL, NULL, "no request: give --iova ADDRESS, or --interrupt ADDRESS,DATA");
	return check_machine(run);
}

int command_walk(int argc, char **argv)
{
	/* One doubleword: the smallest request that is an interrupt when it goes where those go. */
	struct run run = { .question.dma.length = 4 };
	char **files = calloc((size_t)argc + 1, sizeof(*files));
	int code = COMMAND_NO_RESOURCES;

	if (files != NULL && take_options(&run, argc, argv, files, &code)) {
		code = check_question(&run);
		if (code == COMMAND_OK)
			code = run.trace != NULL ? ask_trace(&run) : ask_memory(&run);
		if (code == COMMAND_OK)
			code = show(&run);
	}
	free(files);
	return code;
}
