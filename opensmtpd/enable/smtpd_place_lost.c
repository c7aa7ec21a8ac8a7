/* SPDX-License-Identifier: ISC */
/* Actions for mail that was accepted under ours. */
#include <stdlib.h>
#include <string.h>

#include "opensmtpd/enable/smtpd_placing.h"

static void
find_lost(struct sts_smtpd_lost *lost, const struct sts_smtpd_conf *conf)
{
	static const char *const names[] = {"mta-sts", "mta-sts-hold"};

	lost->count = 0;
	for (size_t i = 0; i < 2; i++) {
		if (sts_smtpd_named(conf, "action", names[i]) == NULL)
			lost->name[lost->count++] = names[i];
	}
}

void
sts_smtpd_find_lost(struct sts_smtpd_lost *lost, const char *path)
{
	struct sts_smtpd_conf conf = {0};

	lost->count = 0;
	if (sts_smtpd_read(&conf, path, NULL) == STS_OK)
		find_lost(lost, &conf);
	sts_smtpd_free(&conf);
}

/* The action of the last rule that relays mail for any domain: exceptions come
 * first. */
static const struct sts_smtpd_statement *
find_relay(const struct sts_smtpd *smtpd)
{
	for (size_t i = smtpd->rule_count; i-- > 0;) {
		if (smtpd->rule[i].for_any &&
		    sts_smtpd_is_relay(smtpd->rule[i].action))
			return smtpd->rule[i].action;
	}
	return NULL;
}

static bool
write_lost(struct sts_smtpd_placing *p, FILE *out)
{
	const struct sts_smtpd_statement *relay = find_relay(&p->smtpd);
	const struct sts_smtpd_edits *e = &p->edits;
	struct sts_smtpd_lost lost;

	if (relay == NULL || sts_smtpd_is_packed(relay))
		return false;
	find_lost(&lost, &p->smtpd.conf);
	(void)fwrite(e->bytes, 1, e->len, out);
	(void)fprintf(out,
	    "%s\n# For mail that was accepted with MTA-STS; mta-sts disable "
	    "opensmtpd\n# removes this.\n",
	    e->len > 0 && e->bytes[e->len - 1] == '\n' ? "" : "\n");
	for (size_t i = 0; i < lost.count; i++) {
		(void)fprintf(out, "action \"%s\"", lost.name[i]);
		sts_smtpd_write_words(p, out, relay, 2, relay->count);
		(void)fputc('\n', out);
	}
	return true;
}

bool
sts_smtpd_place_lost(struct sts_smtpd_place *place, const char *path,
    const char *bytes, size_t len)
{
	struct sts_smtpd_placing p = {
	    .place = place, .edits = {.bytes = bytes, .len = len}};
	FILE *out = open_memstream(&place->text, &place->len);
	bool fine = out != NULL &&
	    sts_smtpd_read_text(&p.smtpd.conf, path, bytes, len, NULL) ==
		STS_OK &&
	    sts_smtpd_make_rules(&p.smtpd) && write_lost(&p, out);

	if (out != NULL)
		fine = fclose(out) == 0 && fine;
	sts_smtpd_free_rules(&p.smtpd);
	sts_smtpd_free(&p.smtpd.conf);
	return fine;
}
