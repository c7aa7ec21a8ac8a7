/* SPDX-License-Identifier: ISC */
/*
 * One table of keys drives the parser: a key, the function that parses its
 * value, the range, and where it goes.  "domain" and "prefetch" are longer and
 * have config_domain.c.
 *
 * The parser never stops at an error.  The file is read inside a mail server,
 * often as root, and refusing the whole file for one typing error would stop
 * all mail.  So a bad line is reported and skipped, and an earlier value stays.
 * A bad "domain" line also makes the domain that it names wait, whose mail
 * might otherwise go out unprotected.  The load fails only if the file cannot
 * be read or another user could change it.
 */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_load.h"
#include "base/config_value.h"
#include "base/cursor.h"
#include "base/readfile.h"
#include "base/resemble.h"
#include "base/safe_path.h"

enum { TEXT_BYTES = 255 /* organization, contact */ };

static bool
replace_string(struct sts_config_loader *l, const struct sts_config_key *key,
    const char *value)
{
	char **slot = (char **)(void *)((char *)l->config + key->offset);
	char *copy = sts_config_copy(l, value);

	if (copy == NULL)
		return false;
	free(*slot);
	*slot = copy;
	return true;
}

/* Absolute, since children run in "/" and plugins wherever the MTA does. */
static bool
set_path(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	if (value[0] != '/')
		return sts_config_bad_value(l, key, value, "an absolute path");
	return replace_string(l, key, value);
}

static bool
set_text(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	if (strlen(value) > TEXT_BYTES)
		return sts_config_bad_value(
		    l, key, value, "a text of at most 255 bytes");
	return replace_string(l, key, value);
}

/* More of it is checked where it is used, report/write.h. */
static bool
set_address(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	const char *at = strrchr(value, '@');

	if (at == NULL || at == value || at[1] == '\0' || value[0] == '-' ||
	    strpbrk(value, " \t<>\"") != NULL || strlen(value) > TEXT_BYTES)
		return sts_config_bad_value(l, key, value, "a mail address");
	return replace_string(l, key, value);
}

/* A value out of range is skipped, not clamped: it is a mistake. */
static bool
set_number(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	struct sts_cursor c = sts_cursor_make(value, strlen(value));
	char allowed[80];
	int64_t number;

	if (sts_cursor_number(&c, 10, &number) && sts_cursor_left(&c) == 0 &&
	    number >= key->min && number <= key->max) {
		memcpy(
		    (char *)l->config + key->offset, &number, sizeof(number));
		return true;
	}
	snprintf(allowed, sizeof(allowed), "a number from %lld to %lld",
	    (long long)key->min, (long long)key->max);
	return sts_config_bad_value(l, key, value, allowed);
}

/* The place of a value among the words of its key; -1 with a note. */
static int
find_word(struct sts_config_loader *l, const struct sts_config_key *key,
    const char *value)
{
	for (int i = 0; key->choice->word[i] != NULL; i++) {
		if (strcmp(key->choice->word[i], value) == 0)
			return i;
	}
	(void)sts_config_bad_value(l, key, value, key->choice->allowed);
	return -1;
}

static bool
set_flag(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	int word = find_word(l, key, value);

	if (word >= 0)
		*(bool *)((char *)l->config + key->offset) = word == 1;
	return word >= 0;
}

static bool
set_choice(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	int word = find_word(l, key, value);

	if (word >= 0)
		memcpy((char *)l->config + key->offset, &word, sizeof(word));
	return word >= 0;
}

/* Checked while parsing, since dns/ could only fail for a bad one. */
static bool
set_nameserver(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	struct sts_config *config = l->config;
	char *copy;

	if (!sts_config_nameserver(value))
		return sts_config_bad_value(l, key, value,
		    "an address, address:port or [IPv6 address]:port, with "
		    "%zone behind a link-local one");
	if (config->nameserver_count == STS_NAMESERVERS_MAX) {
		sts_config_bad_line(l, "%s: there are %d already", key->name,
		    STS_NAMESERVERS_MAX);
		return false;
	}
	if ((copy = sts_config_copy(l, value)) == NULL)
		return false;
	config->nameservers[config->nameserver_count++] = copy;
	return true;
}

/* The place of a word is the value: false, true, or as its enum has it. */
static const struct sts_config_choice local_error = {
    "defer or deliver", {"defer", "deliver"}};
static const struct sts_config_choice dns_error = {
    "deliver or defer", {"deliver", "defer"}};
static const struct sts_config_choice yes_or_no = {"yes or no", {"no", "yes"}};
static const struct sts_config_choice probe = {
    "failed, always or off", {"failed", "always", "off"}};
static const struct sts_config_choice log_level = {
    "error, warning, info or debug", {"error", "warning", "info", "debug"}};

#define AT(member) offsetof(struct sts_config, member)
/* clang-format off */
static const struct sts_config_key keys[] = {
    {"state-dir", set_path, AT(state_dir), 0, 0, false, NULL},
    {"resolver", set_path, AT(resolver), 0, 0, false, NULL},
    {"fetcher", set_path, AT(fetcher), 0, 0, false, NULL},
    {"ca-file", set_path, AT(ca_file), 0, 0, false, NULL},
    {"ca-path", set_path, AT(ca_path), 0, 0, false, NULL},
    {"nameserver", set_nameserver, 0, 0, 0, true, NULL},
    {"recheck", set_number, AT(recheck), 1, 86400, false, NULL},
    {"negative-ttl", set_number, AT(negative_ttl), 1, 86400, false, NULL},
    {"refresh-after", set_number, AT(refresh_after), 60, 2592000, false, NULL},
    {"dns-timeout", set_number, AT(dns_timeout), 1, 30, false, NULL},
    {"fetch-timeout", set_number, AT(fetch_timeout), 1, 60, false, NULL},
    {"on-local-error", set_flag, AT(deliver_on_local_error), 0, 0, false,
	&local_error},
    {"on-dns-error", set_flag, AT(on_dns_error_defer), 0, 0, false, &dns_error},
    {"domain", sts_config_set_domain, 0, 0, 0, true, NULL},
    {"prefetch", sts_config_set_prefetch, 0, 0, 0, true, NULL},
    {"probe", set_choice, AT(probe), 0, 0, false, &probe},
    {"allow-private", set_flag, AT(allow_private), 0, 0, false, &yes_or_no},
    {"policies-max", set_number, AT(policies_max), 1, 10000000, false, NULL},
    {"checks-max", set_number, AT(checks_max), 1, 10000000, false, NULL},
    {"log-level", set_choice, AT(log_level), 0, 0, false, &log_level},
    {"organization", set_text, AT(organization), 0, 0, false, NULL},
    {"contact", set_text, AT(contact), 0, 0, false, NULL},
    {"tlsrpt-socket", set_path, AT(tlsrpt_socket), 0, 0, false, NULL},
    {"report-from", set_address, AT(report_from), 0, 0, false, NULL},
    {"report-sendmail", set_path, AT(report_sendmail), 0, 0, false, NULL},
    {"report-successes", set_flag, AT(report_successes), 0, 0, false,
	&yes_or_no},
    {"report-elsewhere", set_flag, AT(report_elsewhere), 0, 0, false,
	&yes_or_no},
};
/* clang-format on */
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };
_Static_assert((int)KEY_COUNT <= (int)STS_CONFIG_KEYS_MAX, "loader has room");

static void
bad_key(struct sts_config_loader *l, const char *name, char *value,
    const char *reason)
{
	if (sts_config_is_domain_key(name, &value))
		sts_config_bad_domain(l, value, reason);
	else
		sts_config_bad_line(l, "%s", reason);
}

/* Another name, as far as it can be guessed which was meant. */
static void
unknown_key(struct sts_config_loader *l, const char *name, char *value)
{
	char buf[STS_QUOTED_BYTES], reason[STS_QUOTED_BYTES + 96];
	size_t i = 0;

	(void)sts_config_quote(name, buf);
	while (
	    i < KEY_COUNT && !sts_resembles(name, strlen(name), keys[i].name))
		i++;
	if (i < KEY_COUNT)
		(void)snprintf(reason, sizeof(reason),
		    "%s is not a key (was \"%s\" meant?)", buf, keys[i].name);
	else
		(void)snprintf(reason, sizeof(reason), "%s is not a key", buf);
	bad_key(l, name, value, reason);
}

/*
 * Keys are case-sensitive.  A key of a later release is a bad line like any
 * other.
 */
static void
set_key(struct sts_config_loader *l, const char *name, char *value)
{
	size_t i = 0;

	while (i < KEY_COUNT && strcmp(keys[i].name, name) != 0)
		i++;
	if (i == KEY_COUNT) {
		unknown_key(l, name, value);
		return;
	}
	if (value[0] == '\0') {
		sts_config_bad_line(l, "%s: no value", name);
		return;
	}
	if (!keys[i].set(l, &keys[i], value) || keys[i].repeated)
		return;
	if (l->set_in[i] != 0)
		sts_config_bad_line(l,
		    "%s was set before, in line %u; this line counts", name,
		    l->set_in[i]);
	l->set_in[i] = l->line;
}

/*
 * Makes no-break spaces, as in text copied from a web page, blanks; with one,
 * "domain" would be an unknown key.
 */
static void
replace_unseen(char *text)
{
	for (char *p = text; (p = strstr(p, "\xc2\xa0")) != NULL; p += 2)
		p[0] = p[1] = ' ';
}

/* Ends the string at a comment, and drops blanks at its end. */
static void
trim(char *text)
{
	size_t len;

	for (char *p = text; (p = strchr(p, '#')) != NULL; p++) {
		if (p == text || sts_is_blank((unsigned char)p[-1])) {
			*p = '\0';
			break;
		}
	}
	len = strlen(text);
	while (len > 0 && sts_is_blank((unsigned char)text[len - 1]))
		text[--len] = '\0';
}

/*
 * Control characters come from a file of another kind or a bad paste.  A path
 * with one would not be the path that the operator reads.
 */
static bool
has_control(struct sts_span line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char byte = (unsigned char)line.p[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return true;
	}
	return false;
}

/*
 * A line that is too long or has a forbidden byte in it is read only for the
 * domain that it may name: half of it may mean something else.
 */
static void
parse_line(struct sts_config_loader *l, struct sts_span line)
{
	char text[STS_CONFIG_LINE_BYTES + 1];
	const char *reason = NULL;
	char *name, *value;

	if (line.len > STS_CONFIG_LINE_BYTES) {
		line.len = STS_CONFIG_LINE_BYTES;
		reason = "the line is longer than 4096 bytes";
	} else if (has_control(line))
		reason = "the line has a control character or NUL in it";
	for (size_t i = 0; i < line.len; i++)
		text[i] = line.p[i] != '\0' ? line.p[i] : '?';
	text[line.len] = '\0';
	replace_unseen(text);
	if (reason == NULL)
		trim(text);
	name = text + strspn(text, " \t");
	value = sts_config_split(name);
	if (reason != NULL)
		bad_key(l, name, value, reason);
	else if (name[0] != '\0')
		set_key(l, name, value);
}

/* Makes the path absolute, for children that work elsewhere. */
static char *
absolute(struct sts_config_loader *l, const char *file)
{
	char cwd[STS_CONFIG_LINE_BYTES];
	char *path;

	if (file[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return sts_config_copy(l, file);
	if (asprintf(&path, "%s/%s", cwd, file) < 0) {
		l->no_memory = true;
		return NULL;
	}
	return path;
}

/* It names programs that root runs: only root or this user may write it. */
static bool
is_safe(struct sts_config_loader *l)
{
	char text[STS_UNSAFE_TEXT_BYTES], fix[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe;

	if (sts_path_is_safe(l->file, &unsafe))
		return true;
	sts_config_bad_line(l, "the file does not count: %s; fix it with: %s",
	    sts_unsafe_text(&unsafe, text), sts_unsafe_fix(&unsafe, fix));
	return false;
}

/*
 * Without a default file the defaults apply.  A file that exists but cannot be
 * read is an error, since its content is unknown.
 */
static enum sts_status
parse_file(struct sts_config_loader *l, bool must_exist)
{
	enum sts_status status;
	struct sts_cursor c;
	struct sts_span line;
	char *bytes;
	size_t len;

	if (!is_safe(l))
		return STS_UNSAFE_FILE;
	status = sts_readfile(l->file, true, STS_CONFIG_FILE_MAX, &bytes, &len);
	if (status == STS_NOT_FOUND && !must_exist)
		return STS_OK;
	if (status == STS_BAD_LINE)
		sts_config_bad_line(
		    l, "the file is larger than %d bytes", STS_CONFIG_FILE_MAX);
	else if (status != STS_OK)
		sts_config_bad_line(
		    l, "the file cannot be read: %s", strerror(errno));
	if (status != STS_OK)
		return sts_status_is_local(status) ? status : STS_CONFIG;
	l->config->file = absolute(l, l->file);
	c = sts_cursor_make(bytes, len);
	/* An editor's byte order mark would be part of the first key. */
	(void)sts_cursor_literal(&c, "\xef\xbb\xbf");
	while (sts_cursor_line(&c, &line)) {
		l->line++;
		parse_line(l, line);
	}
	free(bytes);
	return STS_OK;
}

/* The defaults of mta-sts.conf(5). */
static void
set_built_in(struct sts_config_loader *l)
{
	*l->config = (struct sts_config){
	    .recheck = 300,
	    .negative_ttl = 3600,
	    .refresh_after = 86400,
	    .dns_timeout = 5,
	    .fetch_timeout = 20,
	    .policies_max = 100000,
	    .checks_max = 100000,
	    .log_level = STS_LOG_INFO,
	    .probe = STS_PROBE_FAILED,
	    .report_successes = true,
	};
	l->config->state_dir = sts_config_copy(l, STS_STATE_DIR);
	l->config->resolver = sts_config_copy(l, STS_RESOLVER);
	l->config->fetcher = sts_config_copy(l, STS_FETCHER);
	l->config->report_sendmail = sts_config_copy(l, "/usr/sbin/sendmail");
}

enum sts_status
sts_config_load(struct sts_config *config, const char *file,
    sts_config_note *note_function, void *arg)
{
	struct sts_config_loader l = {.config = config,
	    .file = file != NULL ? file : STS_CONFIG_FILE,
	    .note = note_function,
	    .arg = arg};
	enum sts_status status;

	set_built_in(&l);
	/* smtpd.conf names even the default file, which need not exist. */
	status = parse_file(&l, strcmp(l.file, STS_CONFIG_FILE) != 0);
	return l.no_memory ? STS_NO_MEMORY : status;
}

void
sts_config_free(struct sts_config *config)
{
	for (size_t i = 0; i < config->nameserver_count; i++)
		free(config->nameservers[i]);
	for (size_t i = 0; i < config->override_count; i++) {
		free(config->overrides[i].name);
		free(config->overrides[i].file);
	}
	sts_names_free(&config->prefetch);
	free(config->overrides);
	free(config->file);
	free(config->state_dir);
	free(config->resolver);
	free(config->fetcher);
	free(config->ca_file);
	free(config->ca_path);
	free(config->organization);
	free(config->contact);
	free(config->tlsrpt_socket);
	free(config->report_from);
	free(config->report_sendmail);
	memset(config, 0, sizeof(*config));
}

void
sts_config_note_log(
    void *arg, const char *file, unsigned line, const char *reason)
{
	(void)arg;
	if (line == 0)
		sts_log(STS_LOG_ERROR, NULL, "event=config file=%s reason=%s",
		    file, reason);
	else
		sts_log(STS_LOG_WARNING, NULL,
		    "event=config file=%s line=%u reason=%s", file, line,
		    reason);
}

bool
sts_config_reports(const struct sts_config *config)
{
	return config->organization != NULL && config->contact != NULL;
}

int64_t
sts_config_lookup_ms(const struct sts_config *config)
{
	return (config->fetch_timeout + 2 * config->dns_timeout) * 1000;
}

int64_t
sts_config_examine_ms(const struct sts_config *config)
{
	const int64_t rows = STS_EXAMINE_HOSTS / STS_EXAMINE_AT_ONCE;
	int64_t dns_ms = config->dns_timeout * 1000;
	int64_t probe_ms = STS_EXAMINE_PROBE_MS + dns_ms;

	return dns_ms + rows * STS_EXAMINE_ADDRESSES * probe_ms;
}

const char *
sts_config_default_file(void)
{
	return STS_CONFIG_FILE;
}
