/* SPDX-License-Identifier: ISC */
/*
 * Options and operands may come in any order.  Not getopt: its order of options
 * and operands differs between C libraries, and its options are those of one
 * program, not of a subcommand.
 */
#include <stddef.h>
#include <string.h>

#include "core/domain.h"
#include "tool/tool.h"

struct option {
	const char *name;
	unsigned bit;
	size_t value; /* where in struct sts_args it goes; 0: it has none */
};

#define AT(member) offsetof(struct sts_args, member)

static const struct option options[] = {
    {"-f", STS_OPT_CONFIG, AT(config_file)},
    {"--json", STS_OPT_JSON, 0},
    {"--probe", STS_OPT_PROBE, 0},
    {"--exim", STS_OPT_EXIM, 0},
    {"--exim-binary", STS_OPT_EXIM_BINARY, AT(exim_binary)},
    {"--exim-config", STS_OPT_EXIM_CONFIG, AT(exim_config)},
    {"--smtpd", STS_OPT_SMTPD, AT(smtpd_file)},
    {"--user", STS_OPT_USER, AT(user)},
    {"--group", STS_OPT_GROUP, AT(group)},
    {"--warn-below", STS_OPT_WARN_BELOW, AT(warn_below)},
    {"--date", STS_OPT_DATE, AT(date)},
    {"--domain", STS_OPT_DOMAIN, AT(domain)},
    {"--dry-run", STS_OPT_DRY_RUN, 0},
    {"--now", STS_OPT_NOW, 0},
    {"--prometheus", STS_OPT_PROMETHEUS, 0},
    {"--mode", STS_OPT_MODE, AT(mode)},
    {"--max-age", STS_OPT_MAX_AGE, AT(max_age)},
    {"--mx", STS_OPT_MX, AT(mx)},
    {"--write", STS_OPT_WRITE, AT(write)},
    {"--server", STS_OPT_SERVER, AT(server)},
    {"--rua", STS_OPT_RUA, AT(rua)},
    {"--web-host", STS_OPT_WEB_HOST, AT(web_host)},
    {"--force", STS_OPT_FORCE, 0},
    {"--print", STS_OPT_PRINT, AT(print)},
    {"--help", STS_OPT_HELP, 0},
    {"-h", STS_OPT_HELP, 0},
    {"--version", STS_OPT_VERSION, 0},
};

/* The option named by `arg`, with or without "=VALUE". */
static const struct option *
find_option(const char *arg, const char **value)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *option = &options[i];
		size_t len = strlen(option->name);

		*value = NULL;
		if (strncmp(arg, option->name, len) != 0)
			continue;
		if (arg[len] == '\0')
			return option;
		if (option->value != 0 && len > 2 && arg[len] == '=') {
			*value = arg + len + 1;
			return option;
		}
		if (option->value != 0 && len == 2) {
			*value = arg + len;
			return option;
		}
	}
	return NULL;
}

/* Parses the option at argv[*at], and its value, perhaps the next word. */
static bool
parse_option(struct sts_args *args, int argc, char **argv, int *at, FILE *err)
{
	const char *value;
	const struct option *option = find_option(argv[*at], &value);

	if (option == NULL) {
		(void)fprintf(err, "mta-sts: unknown option %s\n", argv[*at]);
		return false;
	}
	args->given |= option->bit;
	if (option->value == 0)
		return true;
	if (value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (value == NULL || *value == '\0') {
		(void)fprintf(err, "mta-sts: %s needs a value\n", option->name);
		return false;
	}
	memcpy((char *)args + option->value, &value, sizeof(value));
	return true;
}

/* argv[at] behind the operands before it; the options between move up. */
static void
move_operand(struct sts_args *args, char **argv, int at)
{
	char *word = argv[at];
	size_t to = 1 + args->operand_count++;

	memmove(&argv[to + 1], &argv[to], ((size_t)at - to) * sizeof(*argv));
	argv[to] = word;
}

bool
sts_args_parse(struct sts_args *args, int argc, char **argv, FILE *err)
{
	bool options_end = false;

	memset(args, 0, sizeof(*args));
	args->operand = argv + 1;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (!options_end && strcmp(arg, "--") == 0) {
			options_end = true;
		} else if (!options_end && arg[0] == '-' && arg[1] != '\0') {
			if (!parse_option(args, argc, argv, &i, err))
				return false;
		} else {
			move_operand(args, argv, i);
		}
	}
	return true;
}

const char *
sts_tool_domain_part(const struct sts_tool *tool, size_t index)
{
	const char *at = strrchr(tool->operand[index], '@');

	return at != NULL ? at + 1 : tool->operand[index];
}

int
sts_tool_no_domain(struct sts_tool *tool, size_t index, enum sts_status why)
{
	(void)sts_tool_outside(tool, "\"%s\": %s", tool->operand[index],
	    why == STS_BAD_DOMAIN ? "is neither a domain nor a mail address"
				  : sts_status_text(why));
	return why == STS_NO_MEMORY ? STS_EXIT_OUTSIDE : STS_EXIT_USAGE;
}

int
sts_tool_domain(
    struct sts_tool *tool, size_t index, char domain[STS_NAME_MAX + 1])
{
	enum sts_status status =
	    sts_domain_normalise(sts_tool_domain_part(tool, index), domain);

	return status == STS_OK ? STS_EXIT_OK
				: sts_tool_no_domain(tool, index, status);
}
