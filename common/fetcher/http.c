/* SPDX-License-Identifier: ISC */
#include "fetcher/http.h"

#include <strings.h>

/* ASCII only: strncasecmp(3) depends on the locale. */
static bool
is_word(struct sts_span s, const char *word)
{
	s = sts_span_trim(s);
	if (s.len != strlen(word))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != word[i])
			return false;
	}
	return true;
}

/*
 * Ignores all after the first ";", whether or not the parameters are
 * well-formed.  A comma before it makes a list, which is not equal.
 */
bool
sts_http_is_text_plain(struct sts_span value)
{
	struct sts_cursor c = sts_cursor_make(value.p, value.len);
	struct sts_span type;

	return sts_cursor_until(&c, ';', &type) && is_word(type, "text/plain");
}

bool
sts_http_is_identity(struct sts_span value)
{
	return is_word(value, "") || is_word(value, "identity");
}

bool
sts_http_is_chunked(struct sts_span value)
{
	return is_word(value, "") || is_word(value, "chunked");
}

bool
sts_http_is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 ||
	    status == 307 || status == 308;
}
