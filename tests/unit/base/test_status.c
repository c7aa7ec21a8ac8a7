/* SPDX-License-Identifier: ISC */
/* The list of outcomes: each with a token, a sentence and a class. */
#include <errno.h>
#include <string.h>

#include "base/status.h"
#include "tests/unit/lib/tap.h"

/* Tokens stand in logs, on the resolver's pipe and in Exim's lists. */
static bool
is_token(const char *name)
{
	return name[0] != '\0' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
	    strlen(name);
}

static void
test_every_status(void)
{
	enum sts_status back;

	for (unsigned i = 0; i < STS_STATUS_COUNT; i++) {
		enum sts_status status = (enum sts_status)i;
		const char *name = sts_status_name(status);
		const char *text = sts_status_text(status);

		ok(is_token(name), "%s is a token", name);
		ok(sts_status_parse(name, &back) && back == status,
		    "%s is read back as itself", name);
		ok(text[0] != '\0' && text[strlen(text) - 1] != '.',
		    "%s has a sentence without a full stop", name);
		is_int(sts_status_is_local(status),
		    sts_status_class(status) == STS_CLASS_LOCAL,
		    "%s is local or not by its class", name);
	}
}

static void
test_edges(void)
{
	enum sts_status out = STS_CLOCK;

	is_str(sts_status_name(STS_OK), "ok", "success");
	is_int(sts_status_class(STS_OK), STS_CLASS_OK, "has its own class");
	is_str(sts_status_name((enum sts_status)STS_STATUS_COUNT), "internal",
	    "one past the last");
	is_str(sts_status_name((enum sts_status) - 1), "internal", "negative");
	ok(sts_status_is_local((enum sts_status)9999), "out of range: local");
	ok(!sts_status_parse("no_such_token", &out), "an unknown token");
	ok(!sts_status_parse("", &out), "an empty token");
	is_int(out, STS_CLOCK, "leaves the status alone");
}

/* Only what the network answered may be recorded against a domain. */
static void
test_classes(void)
{
	static const struct {
		const char *prefix;
		enum sts_class class;
	} rows[] = {{"dns_", STS_CLASS_DNS}, {"fetch_", STS_CLASS_FETCH},
	    {"policy_", STS_CLASS_POLICY}, {"warn_", STS_CLASS_POLICY},
	    {"mx_", STS_CLASS_MX}, {"record_", STS_CLASS_RECORD},
	    {"state_", STS_CLASS_LOCAL}, {"resolver_", STS_CLASS_LOCAL}};

	for (unsigned i = 0; i < STS_STATUS_COUNT; i++) {
		enum sts_status status = (enum sts_status)i;
		const char *name = sts_status_name(status);

		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			if (strncmp(name, rows[j].prefix,
				strlen(rows[j].prefix)) == 0)
				is_int(sts_status_class(status), rows[j].class,
				    "class of %s", name);
		}
	}
}

static void
test_errno(void)
{
	is_int(sts_status_from_errno(ENOENT), STS_STATE_MISSING, "ENOENT");
	is_int(sts_status_from_errno(ENOSPC), STS_STATE_FULL, "ENOSPC");
	is_int(sts_status_from_errno(EDQUOT), STS_STATE_FULL, "EDQUOT");
	is_int(sts_status_from_errno(EFBIG), STS_STATE_FULL, "EFBIG");
	is_int(sts_status_from_errno(EMFILE), STS_NO_DESCRIPTORS, "EMFILE");
	is_int(sts_status_from_errno(ENOMEM), STS_NO_MEMORY, "ENOMEM");
	is_int(sts_status_from_errno(EACCES), STS_STATE_UNWRITABLE, "EACCES");
	is_int(sts_status_from_errno(EROFS), STS_STATE_UNWRITABLE, "EROFS");
	for (int error = 0; error < 200; error++) {
		if (!sts_status_is_local(sts_status_from_errno(error)))
			ok(false, "errno %d is a local fault", error);
	}
}

/* A file or a program is not blamed for a shortage. */
static void
test_shortage(void)
{
	is_int(sts_status_shortage_or(ENFILE, STS_CONFIG), STS_NO_DESCRIPTORS,
	    "shortage: ENFILE");
	is_int(sts_status_shortage_or(EAGAIN, STS_CONFIG), STS_NO_DESCRIPTORS,
	    "shortage: EAGAIN");
	is_int(sts_status_shortage_or(ENOMEM, STS_CONFIG), STS_NO_MEMORY,
	    "shortage: ENOMEM");
	is_int(sts_status_shortage_or(EIO, STS_CONFIG), STS_CONFIG,
	    "shortage: EIO is none");
}

int
main(void)
{
	test_every_status();
	test_edges();
	test_classes();
	test_errno();
	test_shortage();
	return tap_done();
}
