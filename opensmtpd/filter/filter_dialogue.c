/* SPDX-License-Identifier: ISC */
/*
 * A dialogue and not the event link-tls, because versions differ in that: 6.8
 * reports it when the handshake is over, before the certificate is verified, so
 * also for one that it then refuses; 7.6 reports it afterwards, for good ones
 * only.  Both say EHLO again when, and only when, they go on inside TLS.
 *
 *	CONNECTED --EHLO--> EHLO --250--> ANSWERED --STARTTLS--> STARTTLS
 *	    ^                 |                                   |     |
 *	    +---- not 250 ----+                      REFUSED <-- not   220
 *	                                                                |
 *	              SECURED <--EHLO-- HANDSHAKE <---------------------+
 *
 * Only smtpd's own lines lead into TLS.  What a host says is read in two
 * places, the answers to EHLO and to STARTTLS, and there its first bytes alone:
 * it can misrepresent itself, and nothing else.
 */
#include "opensmtpd/filter/filter_dialogue.h"

#include <strings.h>

/* A command at the beginning of a line, in any case. */
static bool
is_word(struct sts_span line, const char *word)
{
	size_t len = strlen(word);

	return line.len >= len && strncasecmp(line.p, word, len) == 0 &&
	    (line.len == len || !sts_is_alnum((unsigned char)line.p[len]));
}

void
sts_dialogue_client(struct sts_dialogue *d, struct sts_span line)
{
	bool hello = is_word(line, "EHLO") || is_word(line, "HELO");

	switch (d->state) {
	case STS_DIALOGUE_CONNECTED:
	case STS_DIALOGUE_EHLO:
	case STS_DIALOGUE_ANSWERED:
		if (is_word(line, "STARTTLS")) {
			d->state = STS_DIALOGUE_STARTTLS;
			d->offered = true;
		} else if (hello) {
			d->state = STS_DIALOGUE_EHLO;
			d->offered = false;
		}
		break;
	case STS_DIALOGUE_HANDSHAKE:
		if (hello)
			d->state = STS_DIALOGUE_SECURED;
		break;
	default:
		break;
	}
}

/* "250-STARTTLS", "250 STARTTLS"; the last line of an answer has the blank. */
static void
hear_ehlo(struct sts_dialogue *d, struct sts_span line)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	bool more;

	if (!sts_cursor_literal(&c, "250")) {
		d->state = STS_DIALOGUE_CONNECTED;
		return;
	}
	more = sts_cursor_byte(&c, '-');
	/* As smtpd reads it: nothing behind the keyword, and in capitals. */
	if (more || sts_cursor_byte(&c, ' '))
		d->offered |= sts_span_is(
		    (struct sts_span){c.p, sts_cursor_left(&c)}, "STARTTLS");
	if (!more)
		d->state = STS_DIALOGUE_ANSWERED;
}

void
sts_dialogue_server(struct sts_dialogue *d, struct sts_span line)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);

	if (d->state == STS_DIALOGUE_EHLO)
		hear_ehlo(d, line);
	else if (d->state == STS_DIALOGUE_STARTTLS)
		d->state = sts_cursor_literal(&c, "220")
		    ? STS_DIALOGUE_HANDSHAKE
		    : STS_DIALOGUE_REFUSED;
}

void
sts_dialogue_tls(struct sts_dialogue *d)
{
	d->link_tls = true;
	if (d->state == STS_DIALOGUE_CONNECTED)
		d->state = STS_DIALOGUE_IMPLICIT;
}

enum sts_session_class
sts_dialogue_class(const struct sts_dialogue *d)
{
	switch (d->state) {
	case STS_DIALOGUE_ANSWERED:
		/* Offered and not used: smtpd was told so, or tries again. */
		return d->offered ? STS_SESSION_NONE : STS_SESSION_NOT_OFFERED;
	case STS_DIALOGUE_HANDSHAKE:
		return d->link_tls ? STS_SESSION_DISTRUSTED
				   : STS_SESSION_BROKEN;
	/* No answer is none that leads into TLS. */
	case STS_DIALOGUE_STARTTLS:
	case STS_DIALOGUE_REFUSED:
		return STS_SESSION_REFUSED;
	case STS_DIALOGUE_SECURED:
		return STS_SESSION_SECURED;
	default:
		return STS_SESSION_NONE;
	}
}
