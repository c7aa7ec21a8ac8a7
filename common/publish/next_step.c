/* SPDX-License-Identifier: ISC */
#include "publish/next_step.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "publish/zone.h"

enum { TEXT_MAX = 2048 };

struct steps {
	const struct sts_next *next;
	void (*step)(void *arg, const char *text);
	void *arg;
};

static void say(const struct steps *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(const struct steps *s, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	s->step(s->arg, text);
}

/*
 * The file before the record: a sender that finds a new id fetches at once, and
 * would get the old policy under the new id.
 */
static void
say_publish(const struct steps *s)
{
	const struct sts_next *n = s->next;

	if (!n->is_served)
		say(s,
		    "First have the web server of mta-sts.%s serve the policy "
		    "file, at https://mta-sts.%s/.well-known/mta-sts.txt",
		    n->domain, n->domain);
	if (!n->has_record || !n->has_reports || !n->has_host)
		say(s,
		    "%s the DNS records above that are not there yet, in place "
		    "of older ones of the same name and type",
		    n->is_served ? "Add" : "Then add");
	if (!n->is_served || !n->has_record || !n->has_reports)
		say(s, "See that all is right: mta-sts check %s", n->domain);
}

static void
say_testing(const struct steps *s)
{
	const struct sts_next *n = s->next;

	if (n->mx_failed)
		say(s,
		    "Fix the MX hosts named above: with mode enforce mail "
		    "would not reach them");
	say(s,
	    "Leave it at testing until the TLS reports of a week or two show "
	    "no "
	    "failure that is yours (mta-sts report read FILE)%s. Then: mta-sts "
	    "publish %s --mode enforce%s",
	    n->has_reports ? ""
			   : "; for reports there must be an _smtp._tls "
			     "record",
	    n->domain, n->options);
}

static void
say_enforce(const struct steps *s)
{
	const struct sts_next *n = s->next;

	if (n->mx_failed)
		say(s,
		    "Mail does not reach the MX hosts named above: fix them "
		    "at once, or go back: mta-sts publish %s --mode none%s",
		    n->domain, n->options);
	if (n->draft->max_age < STS_AGE_SETTLED)
		say(s,
		    "When enforce has worked for a week, and the reports show "
		    "no failure: mta-sts publish %s --max-age %d%s",
		    n->domain, STS_AGE_SETTLED, n->options);
	say(s,
	    "Run mta-sts publish %s%s again before the MX records change: a "
	    "new host is in the policy (--mx), and %d seconds (the TTL) have "
	    "passed since its new id, before it is in the MX records; an old "
	    "one leaves the policy last",
	    n->domain, n->options, STS_ZONE_TTL);
	say(s,
	    "Before maintenance that TLS or a certificate does not survive, "
	    "and before giving up: mta-sts publish %s --mode none%s; it says "
	    "when it is safe",
	    n->domain, n->options);
}

/* Senders that do not see the new id go on with what they have. */
static bool
is_weaker(const struct sts_next *n)
{
	return n->has_old && n->old_mode == STS_MODE_ENFORCE &&
	    n->draft->mode != STS_MODE_ENFORCE;
}

static void
say_until(const struct steps *s)
{
	const struct sts_next *n = s->next;
	char until[STS_TIME_TEXT];

	say(s,
	    "Until %s a sender that has not seen the new id may still enforce "
	    "the policy that was there (max_age %lld, counted from now): keep "
	    "the file, the record and valid certificates until then. Note this "
	    "time: a later run does not know it",
	    sts_time_text(until, n->now + n->old_max_age),
	    (long long)n->old_max_age);
}

static void
say_none(const struct steps *s)
{
	const struct sts_next *n = s->next;

	if (is_weaker(n))
		say_until(s);
	else
		say(s,
		    "It is safe to break TLS, or to remove all, when the "
		    "max_age of the last policy that was not none has passed "
		    "since its id changed to that of mode none");
	say(s,
	    "To give up for good: then remove _mta-sts.%s, and a day later the "
	    "policy file and mta-sts.%s",
	    n->domain, n->domain);
	say(s, "To come back: mta-sts publish %s --mode testing%s", n->domain,
	    n->options);
}

void
sts_next_steps(const struct sts_next *next,
    void (*step)(void *arg, const char *text), void *arg)
{
	const struct steps s = {next, step, arg};

	say_publish(&s);
	switch (next->draft->mode) {
	case STS_MODE_TESTING:
		if (is_weaker(next))
			say_until(&s);
		say_testing(&s);
		break;
	case STS_MODE_ENFORCE:
		say_enforce(&s);
		break;
	default:
		say_none(&s);
		break;
	}
}
