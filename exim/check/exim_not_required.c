/* SPDX-License-Identifier: ISC */
/*
 * Mail with "TLS-Required: No" leaves without DANE.  Exim sends what waits for
 * a host over a connection that is open, where it waits for the same transport,
 * and asks for TLSA records only before it opens one.  So that mail has a
 * transport of its own, with a message a connection.
 */
#include <string.h>

#include "exim/check/exim.h"

bool
sts_exim_is_not_required(const struct sts_exim_driver *d)
{
	const char *condition = sts_exim_value(d, "condition");

	return sts_exim_is(d, "driver", "dnslookup") &&
	    (strcmp(d->name, "mta_sts_not_required") == 0 ||
		(condition != NULL &&
		    strstr(condition, "required=no") != NULL));
}

/* Options that are not those of the plain transport. */
static bool
is_ours(const char *option)
{
	return strcmp(option, "debug_print") == 0 ||
	    strcmp(option, "event_action") == 0 ||
	    strcmp(option, "connection_max_messages") == 0 ||
	    strcmp(option, "hosts_nopass_tls") == 0 ||
	    strcmp(option, "hosts_try_dane") == 0;
}

static void
check_others(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *d, const char *transport)
{
	for (size_t i = 0; i < e->routers.count; i++) {
		const struct sts_exim_driver *other = &e->routers.driver[i];

		if (other != d && sts_exim_is(other, "transport", transport))
			sts_report_problem(f, STS_FIND_ERROR,
			    "give it a transport of its own",
			    "router %s uses transport %s too, whose mail is "
			    "not protected by DANE",
			    other->name, transport);
	}
}

void
sts_exim_check_not_required(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *d, const struct sts_exim_driver *query,
    const struct sts_exim_driver *plain_router)
{
	const char *address_data = sts_exim_value(query, "address_data");
	const char *name = sts_exim_value(d, "transport");
	const struct sts_exim_driver *transport =
	    sts_exim_find(&e->transports, name);
	const struct sts_exim_driver *plain = sts_exim_find(
	    &e->transports, sts_exim_value(plain_router, "transport"));

	if (d == NULL) {
		if (address_data != NULL &&
		    strstr(address_data, "required=no") != NULL)
			sts_report_problem(f, STS_FIND_WARNING,
			    "take mta_sts_not_required and "
			    "remote_smtp_mta_sts_not_required "
			    "from " STS_EXAMPLE_DIR "/exim",
			    "DANE stops mail with \"TLS-Required: No\"");
		return;
	}
	sts_exim_check_rules(f, STS_EXIM_NOT_REQUIRED, d);
	if (transport == NULL)
		return;
	check_others(f, e, d, name);
	sts_exim_check_rules(f, STS_EXIM_NOT_REQUIRED_TRANSPORT, transport);
	if (sts_exim_is(plain, "driver", "smtp") && plain != transport)
		sts_exim_check_difference(f, transport, plain, is_ours);
}
