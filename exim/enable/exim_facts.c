/* SPDX-License-Identifier: ISC */
/* Which Exim there is, and why MTA-STS cannot be switched on for some. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exim/check/exim.h"
#include "exim/enable/exim_command.h"
#include "exim/enable/exim_work.h"

/* The value that `exim -bP NAME` prints: "NAME = VALUE", or a path alone. */
static bool
ask(const struct sts_work *w, const char *name, char *buf, size_t size)
{
	char *said, *value;
	bool fine = STS_COMMAND(&said, w->binary, "-bP", name);

	value = fine && said != NULL ? strstr(said, " = ") : NULL;
	if (value != NULL)
		value += 3;
	else if (fine && said != NULL && said[0] == '/')
		value = said;
	if (value != NULL) {
		(void)snprintf(
		    buf, size, "%.*s", (int)strcspn(value, "\n"), value);
	} else {
		buf[0] = '\0';
	}
	free(said);
	return value != NULL;
}

enum sts_enable_result
sts_work_find(struct sts_work *w)
{
	const char *binary =
	    w->e->binary != NULL ? w->e->binary : sts_exim_binary();

	if (binary == NULL)
		return sts_work_refuse(w,
		    "install Exim, or name it with --exim-binary PATH",
		    "no Exim was found in the usual places");
	if (access(binary, X_OK) != 0)
		return sts_work_refuse(w, "--exim-binary PATH",
		    "%s is not there, or cannot be executed", binary);
	(void)snprintf(w->binary, sizeof(w->binary), "%s", binary);
	(void)ask(w, "pid_file_path", w->pid_file, sizeof(w->pid_file));
	return STS_ENABLE_DONE;
}

/* Debian builds one without dlfunc, its default, and one with. */
static enum sts_enable_result
check_dlfunc(const struct sts_work *w)
{
	char *said;
	bool has = STS_COMMAND(&said, w->binary, "-be", "_HAVE_DLFUNC") &&
	    said != NULL && said[0] == 'y';

	free(said);
	if (has)
		return STS_ENABLE_DONE;
	if (access("/usr/sbin/update-exim4.conf", F_OK) == 0)
		return sts_work_refuse(w, "apt-get install exim4-daemon-heavy",
		    "this Exim has no dlfunc: it cannot load a plugin. "
		    "Debian's "
		    "default, exim4-daemon-light, is built without; another "
		    "package of the same Exim has it");
	return sts_work_refuse(w,
	    "EXPAND_DLFUNC=yes in Exim's Local/Makefile, then build and "
	    "install it again",
	    "%s was built without dlfunc: it cannot load a plugin", w->binary);
}

/* With one host for all mail, no MX record is looked up. */
static enum sts_enable_result
refuse_smarthost(const struct sts_work *w, const char *type)
{
	char host[256];

	if (!sts_exim_setting(
		STS_DEBIAN_ETC, "dc_smarthost", host, sizeof(host)) ||
	    host[0] == '\0')
		(void)snprintf(host, sizeof(host), "its smart host");
	return sts_work_refuse(w,
	    "for verified TLS to that host: REMOTE_SMTP_SMARTHOST_HOSTS_"
	    "REQUIRE_TLS = * in /etc/exim4/exim4.conf.localmacros "
	    "(conf.d/main/000_local if split), then update-exim4.conf",
	    "the configuration is of type \"%s\": all mail goes to %s, which "
	    "looks up the MX hosts of the recipients. MTA-STS is that host's "
	    "task, and would do nothing here",
	    type, host);
}

/* The answers to what dpkg-reconfigure exim4-config asks first. */
static enum sts_enable_result
check_debian(struct sts_work *w)
{
	char value[64];

	if (!sts_exim_setting(STS_DEBIAN_ETC, "dc_eximconfig_configtype", value,
		sizeof(value)))
		return sts_work_refuse(w, "dpkg-reconfigure exim4-config",
		    "%s/update-exim4.conf.conf is missing", STS_DEBIAN_ETC);
	if (strcmp(value, "smarthost") == 0 || strcmp(value, "satellite") == 0)
		return refuse_smarthost(w, value);
	if (strcmp(value, "internet") != 0)
		return sts_work_refuse(w,
		    "dpkg-reconfigure exim4-config, if this machine is to send "
		    "mail to the internet itself (\"internet site\")",
		    "the configuration is of type \"%s\": no mail leaves this "
		    "machine by MX records, so there is nothing to protect",
		    value);
	w->split = sts_exim_setting(STS_DEBIAN_ETC, "dc_use_split_config",
		       value, sizeof(value)) &&
	    strcmp(value, "true") == 0;
	return STS_ENABLE_DONE;
}

/* The file that Exim reads, and that the operator may have named. */
static enum sts_enable_result
check_file(struct sts_work *w)
{
	char real[PATH_MAX], named[PATH_MAX];

	if (realpath(w->live, real) == NULL)
		return sts_work_refuse(w, "exim -bP config_file",
		    "%s, which Exim says that it reads, is not there", w->live);
	if (w->e->file != NULL &&
	    (realpath(w->e->file, named) == NULL || strcmp(named, real) != 0))
		return sts_work_refuse(w,
		    "name that file, or none; another Exim: --exim-binary PATH",
		    "Exim reads %s, not %s", real, w->e->file);
	w->debian = strcmp(real, STS_DEBIAN_MADE) == 0;
	if (w->debian && w->e->file != NULL)
		return sts_work_refuse(w, "mta-sts enable exim",
		    "%s is made by update-exim4.conf, and is not for editing",
		    real);
	if (strlen(real) >= sizeof(w->live))
		return sts_work_refuse(w, NULL, "%s: too long", real);
	(void)snprintf(
	    w->live, sizeof(w->live), "%.*s", (int)sizeof(w->live) - 1, real);
	return STS_ENABLE_DONE;
}

enum sts_enable_result
sts_work_facts(struct sts_work *w)
{
	enum sts_enable_result result = check_dlfunc(w);

	if (result != STS_ENABLE_DONE)
		return result;
	if (!ask(w, "config_file", w->live, sizeof(w->live)))
		return sts_work_refuse(w, "see what this says: exim -bV",
		    "%s cannot be run, or refuses its configuration",
		    w->binary);
	if (!ask(w, "exim_user", w->user, sizeof(w->user)))
		return sts_work_refuse(w,
		    "see what this says: exim -bP "
		    "exim_user",
		    "the user that Exim runs as is not known");
	result = check_file(w);
	if (result == STS_ENABLE_DONE && w->debian)
		result = check_debian(w);
	if (result == STS_ENABLE_DONE)
		(void)fprintf(w->e->out, "Exim reads %s%s\n", w->live,
		    !w->debian ? ""
			: w->split
			? ", made by update-exim4.conf from " STS_DEBIAN_ETC
			  "/conf.d"
			: ", made by update-exim4.conf from " STS_DEBIAN_ETC
			  "/exim4.conf.template");
	return result;
}
