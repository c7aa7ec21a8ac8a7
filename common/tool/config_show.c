/* SPDX-License-Identifier: ISC */
/* `mta-sts config show`: the values in force, in mta-sts.conf(5)'s syntax. */
#include "tool/tool.h"

/* Unset keys are comments, to show that they exist. */
static void
show_text(FILE *out, const char *key, const char *value, const char *unset)
{
	if (value != NULL)
		(void)fprintf(out, "%s %s\n", key, value);
	else
		(void)fprintf(out, "# %s: %s\n", key, unset);
}

static void
show_number(FILE *out, const char *key, int64_t value)
{
	(void)fprintf(out, "%s %lld\n", key, (long long)value);
}

/* In the order of the file, which decides among equals. */
static void
show_domains(FILE *out, const struct sts_config *config)
{
	for (size_t i = 0; i < config->override_count; i++) {
		const struct sts_override *o = &config->overrides[i];

		if (o->kind == STS_OVERRIDE_BAD)
			(void)fprintf(out,
			    "# line %u is ill-formed: mail for %s waits\n",
			    o->line, o->name);
		else
			(void)fprintf(out, "domain %s %s%s%s\n", o->name,
			    sts_override_name(o->kind),
			    o->file != NULL ? " " : "",
			    o->file != NULL ? o->file : "");
	}
	for (size_t i = 0; i < config->prefetch.count; i++)
		(void)fprintf(out, "prefetch %s\n", config->prefetch.name[i]);
}

int
sts_tool_config_show(struct sts_tool *tool)
{
	static const char *const levels[] = {
	    "error", "warning", "info", "debug"};
	static const char *const probes[] = {"failed", "always", "off"};
	const struct sts_config *c = &tool->config;
	FILE *out = tool->out;

	if (c->file != NULL)
		(void)fprintf(out, "# read from %s\n", c->file);
	else
		(void)fprintf(out, "# built-in values; there is no %s\n",
		    sts_config_default_file());
	show_text(out, "state-dir", c->state_dir, "unset");
	show_text(out, "resolver", c->resolver, "unset");
	show_text(out, "fetcher", c->fetcher, "unset");
	show_text(out, "ca-file", c->ca_file, "OpenSSL's default");
	show_text(out, "ca-path", c->ca_path, "OpenSSL's default");
	for (size_t i = 0; i < c->nameserver_count; i++)
		show_text(out, "nameserver", c->nameservers[i], "");
	if (c->nameserver_count == 0)
		show_text(out, "nameserver", NULL, "the system's");
	show_number(out, "recheck", c->recheck);
	show_number(out, "negative-ttl", c->negative_ttl);
	show_number(out, "refresh-after", c->refresh_after);
	show_number(out, "dns-timeout", c->dns_timeout);
	show_number(out, "fetch-timeout", c->fetch_timeout);
	show_text(out, "on-local-error",
	    c->deliver_on_local_error ? "deliver" : "defer", "");
	show_text(out, "on-dns-error",
	    c->on_dns_error_defer ? "defer" : "deliver", "");
	show_domains(out, c);
	show_text(out, "probe", probes[c->probe], "");
	show_text(out, "allow-private", c->allow_private ? "yes" : "no", "");
	show_number(out, "policies-max", c->policies_max);
	show_number(out, "checks-max", c->checks_max);
	show_text(out, "log-level", levels[c->log_level], "");
	show_text(out, "organization", c->organization, "unset");
	show_text(out, "contact", c->contact, "unset");
	show_text(out, "tlsrpt-socket", c->tlsrpt_socket, "unset");
	show_text(out, "report-from", c->report_from, "that in contact");
	show_text(out, "report-sendmail", c->report_sendmail, "unset");
	show_text(
	    out, "report-successes", c->report_successes ? "yes" : "no", "");
	show_text(
	    out, "report-elsewhere", c->report_elsewhere ? "yes" : "no", "");
	return STS_EXIT_OK;
}
