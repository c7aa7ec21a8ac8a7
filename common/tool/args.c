/* SPDX-License-Identifier: ISC */
/*
 * Options and operands may come in any order.  Not getopt: its order of options
 * and operands differs between C libraries, and its options are those of one
 * program, not of a subcommand.
 */
#include <string.h>

#include "tool/tool.h"

struct option {
	const char *name;
	unsigned bit;
	bool has_value;
};

static const struct option options[] = {
    {"-f", STS_OPT_CONFIG, true},
    {"--json", STS_OPT_JSON, false},
    {"--probe", STS_OPT_PROBE, false},
    {"--exim", STS_OPT_EXIM, false},
    {"--exim-binary", STS_OPT_EXIM_BINARY, true},
    {"--exim-config", STS_OPT_EXIM_CONFIG, true},
    {"--smtpd", STS_OPT_SMTPD, true},
    {"--user", STS_OPT_USER, true},
    {"--group", STS_OPT_GROUP, true},
    {"--help", STS_OPT_HELP, false},
    {"-h", STS_OPT_HELP, false},
    {"--version", STS_OPT_VERSION, false},
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
		if (option->has_value && len > 2 && arg[len] == '=') {
			*value = arg + len + 1;
			return option;
		}
		if (option->has_value && len == 2) {
			*value = arg + len;
			return option;
		}
	}
	return NULL;
}

/* Where the value of an option goes; flags have none. */
static const char **
value_slot(struct sts_args *args, unsigned bit)
{
	switch (bit) {
	case STS_OPT_CONFIG:
		return &args->config_file;
	case STS_OPT_EXIM_BINARY:
		return &args->exim_binary;
	case STS_OPT_EXIM_CONFIG:
		return &args->exim_config;
	case STS_OPT_SMTPD:
		return &args->smtpd_file;
	case STS_OPT_USER:
		return &args->user;
	default:
		return &args->group;
	}
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
	if (!option->has_value)
		return true;
	if (value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (value == NULL || *value == '\0') {
		(void)fprintf(err, "mta-sts: %s needs a value\n", option->name);
		return false;
	}
	*value_slot(args, option->bit) = value;
	return true;
}

bool
sts_args_parse(struct sts_args *args, int argc, char **argv, FILE *err)
{
	bool options_end = false;

	memset(args, 0, sizeof(*args));
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (!options_end && strcmp(arg, "--") == 0) {
			options_end = true;
		} else if (!options_end && arg[0] == '-' && arg[1] != '\0') {
			if (!parse_option(args, argc, argv, &i, err))
				return false;
		} else if (args->operand_count == STS_OPERANDS_MAX) {
			(void)fprintf(err, "mta-sts: too many arguments\n");
			return false;
		} else {
			args->operand[args->operand_count++] = arg;
		}
	}
	return true;
}
