/* `iommusim profiles`: the release profiles, and the policies of one with their sources. */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include <iommusim/profile.h>

#include "command.h"
#include "options.h"
#include "wrap.h"

static const char usage[] =
    "usage: iommusim profiles [--json] [NAME [COLUMN]]\n"
    "\n"
    "Without a name: the profiles there are. With one: what that release does where releases differ, a\n"
    "policy a column, with what it means and where that is known from. `assumed` marks what nobody could\n"
    "establish: the nearest known value stands there. Wherever a profile is named, +COLUMN=VALUE behind\n"
    "the name varies it: reference+host_pages=remove+invalidate=deferred.\n"
    "\n"
    "  -j, --json   one JSON object a line\n"
    "  -h, --help   this text\n"
    "\n"
    "exit: 0, 2 no such profile or column, or wrong usage, 3 out of memory\n";

enum { INDENT = 4 };

static int no_profile(const char *name)
{
	const struct iommusim_profile *profile;

	fprintf(stderr, "iommusim profiles: no profile %s; there are", name);
	for (size_t i = 0; (profile = iommusim_profile_at(i)) != NULL; i++)
		fprintf(stderr, "%s %s", i == 0 ? "" : ",", iommusim_profile_name(profile));
	fputs("\n", stderr);
	return COMMAND_BAD_INPUT;
}

static int no_column(const struct iommusim_profile *profile, const char *name)
{
	struct iommusim_policy policy;

	fprintf(stderr, "iommusim profiles: no column %s; there are", name);
	for (size_t i = 0; iommusim_profile_policy(profile, i, &policy); i++)
		fprintf(stderr, "%s %s", i == 0 ? "" : ",", policy.column);
	fputs("\n", stderr);
	return COMMAND_BAD_INPUT;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

/* `first`, and `text` behind it in as many lines as it needs. */
static void print_wrapped(const char *first, const char *text)
{
	const size_t indent = INDENT + strlen(first);

	printf("%*s%s", INDENT, "", first);
	wrap_print(indent, indent, text);
}

static void print_policy(const struct iommusim_policy *policy)
{
	printf("\n%s = %s%s\n", policy->column, policy->value, policy->assumed ? "   (assumed)" : "");
	print_wrapped("asks    ", policy->title);
	print_wrapped("does    ", policy->meaning);
	print_wrapped("source  ", policy->source);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* Put a string into `object`. False: no memory. */
static bool add(struct json_object *object, const char *name, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	if (value != NULL && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static int print_json(struct json_object *object, bool good)
{
	const char *text = NULL;

	if (good)
		text = json_object_to_json_string_ext(
		    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL)
		puts(text);
	json_object_put(object);
	return text == NULL ? COMMAND_NO_RESOURCES : COMMAND_OK;
}

static int policy_json(const struct iommusim_profile *profile, const struct iommusim_policy *policy)
{
	struct json_object *object = json_object_new_object();
	struct json_object *assumed = json_object_new_boolean(policy->assumed);
	bool good = object != NULL && add(object, "profile", iommusim_profile_name(profile)) &&
	    add(object, "column", policy->column) && add(object, "title", policy->title) &&
	    add(object, "value", policy->value) && add(object, "meaning", policy->meaning) &&
	    add(object, "source", policy->source);

	if (good && assumed != NULL && json_object_object_add(object, "assumed", assumed) == 0)
		return print_json(object, true);
	json_object_put(assumed);
	return print_json(object, false);
}

static int profile_json(const struct iommusim_profile *profile)
{
	struct json_object *object = json_object_new_object();
	const bool good = object != NULL && add(object, "profile", iommusim_profile_name(profile)) &&
	    add(object, "about", iommusim_profile_about(profile));

	return print_json(object, good);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int list_profiles(bool json)
{
	const struct iommusim_profile *profile;
	int code = COMMAND_OK;

	for (size_t i = 0; code == COMMAND_OK && (profile = iommusim_profile_at(i)) != NULL; i++) {
		if (json)
			code = profile_json(profile);
		else
			printf("%-18s  %s\n", iommusim_profile_name(profile),
			    iommusim_profile_about(profile));
	}
	return code;
}

/* All columns, or the one of that name. */
static int show_profile(const char *name, const char *column, bool json)
{
	struct iommusim_profile *profile;
	const enum iommusim_status status = iommusim_profile_create(name, &profile);
	struct iommusim_policy policy;
	int code = COMMAND_OK;
	bool any = false;

	if (status == IOMMUSIM_ENOENT)
		return no_profile(name);
	if (status != IOMMUSIM_OK)
		return COMMAND_NO_RESOURCES;
	for (size_t i = 0; code == COMMAND_OK && iommusim_profile_policy(profile, i, &policy); i++) {
		if (column != NULL && strcmp(column, policy.column) != 0)
			continue;
		if (!any && !json)
			printf("%s: %s\n", name, iommusim_profile_about(profile));
		any = true;
		if (json)
			code = policy_json(profile, &policy);
		else
			print_policy(&policy);
	}
	if (!any)
		code = no_column(profile, column);
	iommusim_profile_free(profile);
	return code;
}

static int take_option(void *json, int option, char *argument)
{
	(void)option; /* there is but one */
	(void)argument;
	*(bool *)json = true;
	return COMMAND_OK;
}

int command_profiles(int argc, char **argv)
{
	static const struct option rows[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "profiles",
		.usage = usage,
		.letters = ":jh",
		.rows = rows,
		.take = take_option,
	};
	bool json = false;
	int code;

	if (!options_take(&options, &json, argc, argv, &code))
		return code;
	if (argc - optind > 2)
		return options_refuse("profiles",
		    "expected a profile and a column at the most, found %s", argv[optind + 2]);
	if (argc == optind)
		return list_profiles(json);
	return show_profile(argv[optind], argc - optind > 1 ? argv[optind + 1] : NULL, json);
}
