/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_options.h"

/* Set by exim/conf/include/transports, or by a macro; twice would stop Exim. */
static const char *const ours[] = {"driver", "debug_print", "multi_domain",
    "event_action", "interface", "connection_max_messages", "hosts_nopass_tls",
    "hosts_try_dane"};

/* Would weaken what is enforced, or is set there. */
static const char *const not_enforced[] = {"hosts_require_tls",
    "tls_verify_hosts", "tls_try_verify_hosts", "tls_verify_cert_hostnames",
    "tls_tempfail_tryclear", "tls_sni", "tls_require_ciphers",
    "delay_after_cutoff", "hosts_avoid_tls", "hosts_require_dane",
    "dane_require_tls_ciphers", "tls_resumption_hosts", "hosts_pipe_connect",
    "fallback_hosts", "hosts_override", "hosts", "hosts_randomize"};

static bool
is_one_of(
    const struct sts_exim_line *line, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sts_exim_is_option(line, names[i]))
			return true;
	}
	return false;
}

static void
write_lines(
    FILE *out, const struct sts_exim_lines *lines, size_t from, size_t to)
{
	for (; from < to; from++) {
		(void)fwrite(
		    lines->line[from].p, 1, lines->line[from].len, out);
		(void)putc('\n', out);
	}
}

void
sts_exim_write_options(FILE *out, const struct sts_exim_lines *lines,
    const struct sts_exim_span *transport)
{
	size_t i = transport->from + 1, end;

	for (; i < transport->to; i = end) {
		const struct sts_exim_line *line = &lines->line[i];
		bool weak = is_one_of(line, not_enforced,
		    sizeof(not_enforced) / sizeof(not_enforced[0]));

		end = i + 1;
		while (end < transport->to && lines->line[end].continued)
			end++;
		if (line->is_comment ||
		    is_one_of(line, ours, sizeof(ours) / sizeof(ours[0])))
			continue;
		if (weak)
			(void)fputs(".ifndef MTA_STS_ENFORCED\n", out);
		write_lines(out, lines, i, end);
		if (weak)
			(void)fputs(".endif\n", out);
	}
}
