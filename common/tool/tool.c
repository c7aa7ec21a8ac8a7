/* SPDX-License-Identifier: ISC */
/*
 * From the command line to one function.  Usage, help and dispatch are all made
 * from the table below.
 */
#include "tool/tool.h"

#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "base/log.h"
#include "base/resemble.h"

struct command {
	const char *word[2]; /* "cache", "list"; the second may be NULL */
	size_t min, max;     /* operands after the words */
	unsigned options;    /* besides --help and -f */
	bool no_config;      /* needs none, or reads it itself */
	int (*run)(struct sts_tool *tool);
	const char *usage;
	const char *help;
};

static const struct command commands[] = {
    {{"query", NULL}, 1, 1, STS_OPT_JSON | STS_OPT_PROBE, false, sts_tool_query,
	"query DOMAIN|ADDRESS [--json] [--probe]",
	"What a delivery to DOMAIN (or to the domain of a mail address) would\n"
	"do now: its record, policy, MX hosts and verdict.  Queries the\n"
	"network where a delivery would; --probe also checks the certificates\n"
	"of the MX hosts.\n"
	"Exit status 0: it would be delivered, 1: it would be deferred.\n"},
    {{"status", NULL}, 0, 0,
	STS_OPT_JSON | STS_OPT_PROMETHEUS | STS_OPT_EXIM_BINARY |
	    STS_OPT_EXIM_CONFIG | STS_OPT_SMTPD,
	true, sts_tool_status,
	"status [--json|--prometheus] [--exim-binary PATH]\n"
	"        [--exim-config FILE] [--smtpd FILE]",
	"Whether outgoing mail is protected: configuration, store, refresh, "
	"programs,\n"
	"name servers, mail servers, what waited.  Fetches nothing, writes\n"
	"nothing.  --prometheus prints metrics for node_exporter's textfile\n"
	"collector, with exit status 0 whatever they say.\n"
	"Exit status 0: no problem, 1: a problem was found, 3: this user may\n"
	"not read the configuration or the store.\n"},
    {{"check", NULL}, 1, 1, STS_OPT_JSON, false, sts_tool_check,
	"check DOMAIN [--json]",
	"For those who publish: what is wrong with a domain's record, policy\n"
	"host, policy, MX hosts and TLSRPT record, each with its cause and\n"
	"its fix.  Connects to port 443 of the policy host and port 25 of\n"
	"the MX hosts; sends no mail.\n"
	"Exit status 0: nothing was found, 1: something was, 3: this machine\n"
	"is at fault.\n"},
    {{"publish", NULL}, 1, 1,
	STS_OPT_MODE | STS_OPT_MAX_AGE | STS_OPT_MX | STS_OPT_WRITE |
	    STS_OPT_SERVER | STS_OPT_RUA | STS_OPT_WEB_HOST | STS_OPT_FORCE |
	    STS_OPT_PRINT,
	false, sts_tool_publish,
	"publish DOMAIN [--mode testing|enforce|none] [--max-age SECONDS]\n"
	"        [--mx PATTERN,...] [--write DIR|FILE]\n"
	"        [--server nginx|apache|caddy|static] [--rua ADDRESS|URI,...]\n"
	"        [--web-host NAME|ADDRESS,...] [--force]\n"
	"        [--print policy|records|server]",
	"For those who publish: probes the MX hosts of DOMAIN, shows the "
	"policy\n"
	"file, the DNS records, a web server's configuration, and what to do\n"
	"next.  Run again, it keeps what is there.  Writes nothing but the "
	"policy\n"
	"file, and that only with --write.\n"
	"Exit status 1: refused, as mail would not arrive; --force insists.\n"},
    {{"enable", "exim"}, 0, 1,
	STS_OPT_DRY_RUN | STS_OPT_EXIM_BINARY | STS_OPT_DOMAIN, false,
	sts_tool_enable_exim,
	"enable exim [FILE] [--dry-run] [--domain DOMAIN] [--exim-binary PATH]",
	"Switches MTA-STS on for Exim: makes the state directory and what "
	"will\n"
	"be the configuration (Debian's, or FILE in place), tries it, and "
	"only\n"
	"then puts it in place.  Interrupted at any step, all is old or new.\n"
	"--dry-run shows all of it and changes nothing.\n"
	"Exit status 0: it is on, 1: nothing was changed, 3: a failure "
	"outside.\n"},
    {{"enable", "opensmtpd"}, 0, 1, STS_OPT_DRY_RUN, false,
	sts_tool_enable_smtpd, "enable opensmtpd [FILE] [--dry-run]",
	"Switches MTA-STS on for OpenSMTPD: puts what is missing into\n"
	"smtpd.conf (FILE), has smtpd and config check try that, shows the\n"
	"difference, makes the state directory, and only then switches over.\n"
	"--dry-run shows all of it and changes nothing.\n"
	"Exit status 0: it is on, 1: nothing was changed, 3: a failure "
	"outside.\n"},
    {{"disable", "exim"}, 0, 0, STS_OPT_DRY_RUN | STS_OPT_EXIM_BINARY, false,
	sts_tool_disable_exim, "disable exim [--dry-run] [--exim-binary PATH]",
	"Takes back what \"enable exim\" changed: each file as it was before.\n"
	"Exit status 0: it is off, 1: a file was changed since, 3: a failure\n"
	"outside.\n"},
    {{"disable", "opensmtpd"}, 0, 1, STS_OPT_DRY_RUN, false,
	sts_tool_disable_smtpd, "disable opensmtpd [FILE] [--dry-run]",
	"Gives back the smtpd.conf that was there before \"enable "
	"opensmtpd\".\n"
	"Exit status 0: it is off, 1: the file was changed since, 3: a "
	"failure\n"
	"outside.\n"},
    {{"lint", "policy"}, 0, 1, 0, true, sts_tool_lint_policy,
	"lint policy [FILE|-]",
	"Checks a policy file (RFC 8461 3.2) without a network.\n"},
    {{"lint", "sts"}, 0, 1, 0, true, sts_tool_lint_sts, "lint sts [FILE|-]",
	"Checks the TXT records of _mta-sts.DOMAIN (RFC 8461 3.1), one a line\n"
	"as in a zone file: \"v=STSv1; id=1\"\n"},
    {{"lint", "tlsrpt"}, 0, 1, 0, true, sts_tool_lint_tlsrpt,
	"lint tlsrpt [FILE|-]",
	"Checks the TXT records of _smtp._tls.DOMAIN (RFC 8460 3), one a line\n"
	"as in a zone file: \"v=TLSRPTv1; rua=mailto:tls@example.com\"\n"},
    {{"match", NULL}, 2, 2, 0, true, sts_tool_match, "match PATTERN HOST",
	"Whether the mx pattern of a policy permits an MX host (RFC 8461 "
	"4.1).\n"
	"Exit status 0: it does, 1: it does not, or either is ill-formed.\n"},
    {{"cache", "list"}, 0, 0, STS_OPT_JSON, false, sts_tool_cache_list,
	"cache list [--json]",
	"One line for each domain in the store: domain, kind, mode, id, age,\n"
	"time until it expires, state.\n"},
    {{"cache", "show"}, 1, 1, 0, false, sts_tool_cache_show,
	"cache show DOMAIN", "All that is stored about one domain.\n"},
    {{"cache", "drop"}, 1, 1, 0, false, sts_tool_cache_drop,
	"cache drop DOMAIN",
	"Removes a domain.  The next delivery looks it up; until then nothing\n"
	"protects it against a downgrade.\n"},
    {{"cache", "refresh"}, 0, 1, 0, false, sts_tool_cache_refresh,
	"cache refresh [DOMAIN]",
	"Fetches the policy of one domain, or every policy that is due.\n"
	"Exit status 1: a domain is not in the store, or a fetch failed.\n"},
    {{"cache", "export"}, 0, 0, 0, false, sts_tool_cache_export, "cache export",
	"Prints the policies in force, a line each, for other senders.\n"
	"Exit status 1: a damaged policy was left out.\n"},
    {{"cache", "import"}, 0, 1, 0, false, sts_tool_cache_import,
	"cache import [FILE|-]",
	"Takes the policies that another sender has fetched later than this\n"
	"one, never a weaker one, and removes nothing.\n"
	"Exit status 1: a line is ill-formed, or there is no room.\n"},
    {{"setup", NULL}, 0, 0, STS_OPT_USER | STS_OPT_GROUP, false, sts_tool_setup,
	"setup --user NAME [--group NAME]",
	"Creates the state directory for the user that the mail server runs\n"
	"as, or fixes its owner and modes.  Needs root.\n"},
    {{"config", "check"}, 0, 0,
	STS_OPT_EXIM | STS_OPT_EXIM_BINARY | STS_OPT_EXIM_CONFIG |
	    STS_OPT_SMTPD,
	true, sts_tool_config_check,
	"config check [--exim [--exim-binary PATH] [--exim-config FILE]] "
	"[--smtpd FILE]",
	"Checks the configuration and the files that it names; with --exim\n"
	"also Exim's configuration, with --smtpd an smtpd.conf of OpenSMTPD.\n"
	"Exit status 1: there is an error or a warning.\n"},
    {{"config", "show"}, 0, 0, 0, false, sts_tool_config_show, "config show",
	"Prints the configuration in effect.\n"},
    {{"report", "check"}, 0, 0,
	STS_OPT_JSON | STS_OPT_EXIM_BINARY | STS_OPT_EXIM_CONFIG |
	    STS_OPT_SMTPD,
	true, sts_tool_report_check,
	"report check [--json] [--exim-binary PATH] [--exim-config FILE]\n"
	"        [--smtpd FILE]",
	"Whether a TLS report of ours would be sent and accepted: sender, "
	"DKIM\n"
	"signature and key, mail server, timer.  Sends nothing.\n"
	"Exit status 1: something is missing.\n"},
    {{"report", "import"}, 2, 2, 0, false, sts_tool_report_import,
	"report import MACHINE FOLDER",
	"Takes what another machine has recorded of its sessions, for one\n"
	"report: FOLDER is a copy of outcomes/ in its state directory.\n"
	"Exit status 1: something was left out, or comes too late.\n"},
    {{"report", "read"}, 1, SIZE_MAX,
	STS_OPT_JSON | STS_OPT_WARN_BELOW | STS_OPT_DATE | STS_OPT_DOMAIN, true,
	sts_tool_report_read,
	"report read [--json] [--warn-below PERCENT] [--date FROM[..TO]]\n"
	"        [--domain DOMAIN] FILE|FOLDER|-...",
	"Reads TLS reports (RFC 8460) that others sent: JSON, gzip, mails,\n"
	"mboxes, Maildirs, folders; shows the success rate, and failures by\n"
	"day, type, MX host, sender and domain.\n"
	"Exit status 1: the success rate is below PERCENT, 3: nothing could "
	"be\n"
	"read.\n"},
    {{"report", "send"}, 0, 0, STS_OPT_DRY_RUN | STS_OPT_NOW | STS_OPT_JSON,
	false, sts_tool_report_send, "report send [--now] [--dry-run [--json]]",
	"Sends the TLS reports (RFC 8460) about the days that have ended to "
	"the\n"
	"domains that want them; for a timer or cron, several times an hour.\n"
	"--now does not wait for the time of day that each domain has.\n"
	"Exit status 1: a report was not taken, 3: this machine is at "
	"fault.\n"},
    {{"report", "stop"}, 1, 1, 0, false, sts_tool_report_stop,
	"report stop ADDRESS|URI",
	"Sends no reports to a destination for 30 days, because mail to it\n"
	"came back.\n"},
    {{"report", "show"}, 0, 1, STS_OPT_JSON | STS_OPT_DATE, false,
	sts_tool_report_show,
	"report show [--json] [--date FROM[..TO]] [DOMAIN]",
	"What was recorded of our own sessions with the domains that want TLS\n"
	"reports, or with one of them: each day that is kept, today included.\n"
	"Exit status 1: there is no session.\n"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void
print_usage(FILE *to)
{
	(void)fprintf(to, "usage: mta-sts [-f FILE] COMMAND ...\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(to, "    mta-sts %s\n", commands[i].usage);
	(void)fprintf(to,
	    "    mta-sts help [COMMAND]\n"
	    "    mta-sts --version\n\n"
	    "-f FILE names the configuration, else %s.\n",
	    sts_config_default_file());
}

/* How many words of the command line name this command, or 0. */
static size_t
words_matching(const struct command *command, char *const *words, size_t count)
{
	if (count < 1 || strcmp(words[0], command->word[0]) != 0)
		return 0;
	if (command->word[1] == NULL)
		return 1;
	return count > 1 && strcmp(words[1], command->word[1]) == 0 ? 2 : 0;
}

/* *used gets the number of words of its name. */
static const struct command *
find_command(char *const *words, size_t count, size_t *used)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		*used = words_matching(&commands[i], words, count);
		if (*used > 0)
			return &commands[i];
	}
	return NULL;
}

/* Prints help for every command with these first words; false: none. */
static bool
print_help(FILE *out, char *const *words, size_t count)
{
	bool found = false;

	if (count == 0) {
		print_usage(out);
		return true;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->word[0], words[0]) != 0)
			continue;
		if (count > 1 && c->word[1] != NULL &&
		    strcmp(c->word[1], words[1]) != 0)
			continue;
		(void)fprintf(out, "%susage: mta-sts %s\n\n%s",
		    found ? "\n" : "", c->usage, c->help);
		found = true;
	}
	return found;
}

/* To standard error, so that a script does not take it for output. */
static int
wrong_usage(FILE *err, const struct command *command, const char *reason)
{
	(void)fprintf(
	    err, "mta-sts: %s\nusage: mta-sts %s\n", reason, command->usage);
	return STS_EXIT_USAGE;
}

/* True if there are commands of two words that begin with this one. */
static bool
is_group(const char *word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].word[0], word) == 0)
			return true;
	return false;
}

static void
print_group(FILE *err, const char *word)
{
	const char *before = "usage:";

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].word[0], word) != 0)
			continue;
		(void)fprintf(
		    err, "%s mta-sts %s\n", before, commands[i].usage);
		before = "      ";
	}
}

/* What was meant, as far as that can be guessed. */
static void
print_guess(FILE *err, const char *word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (sts_resembles(word, strlen(word), commands[i].word[0])) {
			(void)fprintf(
			    err, "was \"%s\" meant?\n", commands[i].word[0]);
			break;
		}
	(void)fprintf(err, "\"mta-sts help\" lists the commands\n");
}

static int
wrong_command(FILE *err, char *const *words, size_t count)
{
	bool group;

	if (count == 0) {
		print_usage(err);
		return STS_EXIT_USAGE;
	}
	group = is_group(words[0]);
	(void)fprintf(err, "mta-sts: no command is called \"");
	sts_escape_write(err, words[0], strlen(words[0]));
	if (group && count > 1) {
		(void)fputc(' ', err);
		sts_escape_write(err, words[1], strlen(words[1]));
	}
	(void)fprintf(err, "\"\n");
	if (group)
		print_group(err, words[0]);
	else
		print_guess(err, words[0]);
	return STS_EXIT_USAGE;
}

/* Runs it with the configuration loaded, and bad lines logged. */
static int
run_configured(struct sts_tool *tool, const struct command *command)
{
	enum sts_status status = sts_config_load(
	    &tool->config, tool->args.config_file, sts_config_note_log, NULL);
	int code = STS_EXIT_OUTSIDE;

	/* The note has reported the file and the reason. */
	if (status == STS_OK)
		code = command->run(tool);
	else
		(void)sts_tool_outside(tool, "%s", sts_status_text(status));
	sts_config_free(&tool->config);
	return code;
}

/*
 * An option that a subcommand lacks is an error: a mistyped --json must not
 * give text.
 */
static int
run_command(struct sts_tool *tool, const struct command *command, size_t words)
{
	unsigned allowed = command->options | STS_OPT_CONFIG | STS_OPT_HELP;

	tool->operand_count = tool->args.operand_count - words;
	tool->operand = tool->args.operand + words;
	if ((tool->args.given & ~allowed) != 0)
		return wrong_usage(
		    tool->err, command, "an option does not belong here");
	if (tool->operand_count < command->min)
		return wrong_usage(
		    tool->err, command, "an argument is missing");
	if (tool->operand_count > command->max)
		return wrong_usage(tool->err, command, "too many arguments");
	if (command->no_config)
		return command->run(tool);
	return run_configured(tool, command);
}

/* Help comes first, whatever is wrong with the rest. */
static int
dispatch(struct sts_tool *tool)
{
	const struct sts_args *args = &tool->args;
	char *const *words = args->operand;
	size_t count = args->operand_count, used;
	const struct command *command;
	bool help = (args->given & STS_OPT_HELP) != 0;

	if ((args->given & STS_OPT_VERSION) != 0) {
		(void)fprintf(tool->out, "mta-sts %s\n", STS_VERSION);
		return STS_EXIT_OK;
	}
	if (count > 0 && strcmp(words[0], "help") == 0) {
		help = true;
		words++;
		count--;
	}
	if (help && print_help(tool->out, words, count))
		return STS_EXIT_OK;
	command = help ? NULL : find_command(words, count, &used);
	if (command == NULL)
		return wrong_command(tool->err, words, count);
	return run_command(tool, command, used);
}

int
sts_tool_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct sts_tool tool = {.out = out, .err = err, .now = time(NULL)};
	int code;

	sts_log_open("mta-sts", STS_LOG_STDERR, STS_LOG_WARNING);
	if (!sts_args_parse(&tool.args, argc, argv, err))
		return STS_EXIT_USAGE;
	code = dispatch(&tool);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(out) != 0 || ferror(out)) {
		(void)fprintf(err, "mta-sts: cannot write the output\n");
		return STS_EXIT_OUTSIDE;
	}
	return code;
}
