/* SPDX-License-Identifier: ISC */
/*
 * The `mta-sts` command: queries, checks and setup for the operator.
 *
 * Each subcommand is one function that takes the parsed command line and
 * returns the exit status.  Results go to `out`, everything else to `err`.
 */
#ifndef STS_TOOL_TOOL_H
#define STS_TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config.h"
#include "base/status.h"
#include "store/store.h"

/* Exit statuses, the same for every subcommand. */
enum {
	STS_EXIT_OK = 0,
	STS_EXIT_NO = 1,     /* the answer is no; something is wrong */
	STS_EXIT_USAGE = 2,  /* wrong usage */
	STS_EXIT_OUTSIDE = 3 /* a failure outside: state, files, network */
};

/* Options, as bits of what a subcommand allows and of what was given. */
enum {
	STS_OPT_CONFIG = 1 << 0, /* -f FILE */
	STS_OPT_JSON = 1 << 1,
	STS_OPT_EXIM = 1 << 2,
	STS_OPT_EXIM_BINARY = 1 << 3,
	STS_OPT_EXIM_CONFIG = 1 << 4,
	STS_OPT_USER = 1 << 5,
	STS_OPT_GROUP = 1 << 6,
	STS_OPT_HELP = 1 << 7,
	STS_OPT_VERSION = 1 << 8,
	STS_OPT_SMTPD = 1 << 9,
	STS_OPT_PROBE = 1 << 10,
	STS_OPT_WARN_BELOW = 1 << 11,
	STS_OPT_DATE = 1 << 12,
	STS_OPT_DOMAIN = 1 << 13,
	STS_OPT_DRY_RUN = 1 << 14,
	STS_OPT_NOW = 1 << 15,
	STS_OPT_PROMETHEUS = 1 << 24,
	STS_OPT_MODE = 1 << 22,
	STS_OPT_MAX_AGE = 1 << 23,
	STS_OPT_MX = 1 << 21,
	STS_OPT_WRITE = 1 << 25,
	STS_OPT_SERVER = 1 << 26,
	STS_OPT_RUA = 1 << 27,
	STS_OPT_WEB_HOST = 1 << 28,
	STS_OPT_FORCE = 1 << 29,
	STS_OPT_PRINT = 1 << 30
};

/* A command line; the strings are argv's. */
struct sts_args {
	unsigned given; /* STS_OPT_* */
	const char *config_file;
	const char *exim_binary;
	const char *exim_config;
	const char *smtpd_file;
	const char *user;
	const char *group;
	const char *warn_below;
	const char *date;
	const char *domain;
	const char *mode;
	const char *max_age;
	const char *mx;
	const char *write;
	const char *server;
	const char *rua;
	const char *web_host;
	const char *print;
	char **operand; /* part of argv; command words first */
	size_t operand_count;
};

struct sts_tool {
	FILE *out;
	FILE *err;
	char **operand; /* without the command words */
	size_t operand_count;
	struct sts_args args;
	struct sts_config config;
	int64_t now; /* seconds since 1970 */
	/* Put before the usual paths of mail servers, for tests; or NULL. */
	const char *root;
};

/* The whole command; what main() returns. */
int sts_tool_run(int argc, char **argv, FILE *out, FILE *err);

/*
 * Parses options and operands, in any order; "--" ends the options.  Operands
 * are moved to the front of argv, behind the program's name, in their order.
 * False with a message on `err` for an unknown option or a missing value.
 */
bool sts_args_parse(struct sts_args *args, int argc, char **argv, FILE *err);

/* Prints "mta-sts: ..." on tool->err; returns STS_EXIT_OUTSIDE. */
int sts_tool_outside(struct sts_tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The domain in operand `index`, a domain or a mail address: as given, or what
 * follows the "@".
 */
const char *sts_tool_domain_part(const struct sts_tool *tool, size_t index);

/* Reports that operand `index` is not a domain; returns the exit status. */
int sts_tool_no_domain(
    struct sts_tool *tool, size_t index, enum sts_status why);

/*
 * Normalises the domain in operand `index`, a domain or a mail address;
 * STS_EXIT_OK, or STS_EXIT_USAGE with a message if it is neither.
 */
int sts_tool_domain(
    struct sts_tool *tool, size_t index, char domain[STS_NAME_MAX + 1]);

/* The subcommands. */
int sts_tool_query(struct sts_tool *tool);
int sts_tool_check(struct sts_tool *tool);
int sts_tool_publish(struct sts_tool *tool);
int sts_tool_lint_policy(struct sts_tool *tool);
int sts_tool_lint_sts(struct sts_tool *tool);
int sts_tool_lint_tlsrpt(struct sts_tool *tool);
int sts_tool_match(struct sts_tool *tool);
int sts_tool_cache_list(struct sts_tool *tool);
int sts_tool_cache_show(struct sts_tool *tool);
int sts_tool_cache_drop(struct sts_tool *tool);
int sts_tool_cache_refresh(struct sts_tool *tool);
int sts_tool_cache_export(struct sts_tool *tool);
int sts_tool_cache_import(struct sts_tool *tool);
int sts_tool_setup(struct sts_tool *tool);
int sts_tool_config_check(struct sts_tool *tool);
int sts_tool_config_show(struct sts_tool *tool);
int sts_tool_report_check(struct sts_tool *tool);
int sts_tool_report_import(struct sts_tool *tool);
int sts_tool_report_read(struct sts_tool *tool);
int sts_tool_report_send(struct sts_tool *tool);
int sts_tool_report_stop(struct sts_tool *tool);
int sts_tool_report_show(struct sts_tool *tool);
int sts_tool_status(struct sts_tool *tool);
int sts_tool_enable_exim(struct sts_tool *tool);
int sts_tool_disable_exim(struct sts_tool *tool);
int sts_tool_enable_smtpd(struct sts_tool *tool);
int sts_tool_disable_smtpd(struct sts_tool *tool);

/*
 * As root, becomes the owner of the state directory for good, so that nothing
 * is written or sent as root.  STS_OK also if this is not root;
 * STS_STATE_MISSING and the like if the owner is unknown, STS_STATE_OWNER if it
 * is root itself.
 */
enum sts_status sts_tool_become_owner(const struct sts_config *config);

/*
 * Opens the store after sts_tool_become_owner.  STS_EXIT_OK, or
 * STS_EXIT_OUTSIDE with a message that names the user who may do this.
 */
int sts_tool_open_store(
    struct sts_tool *tool, bool writing, struct sts_store **store);

#endif
