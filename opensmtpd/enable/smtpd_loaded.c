/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_loaded.h"

#include <string.h>
#include <time.h>

#include "base/findings.h"
#include "opensmtpd/check/smtpd.h"
#include "opensmtpd/enable/smtpd_running.h"
#include "opensmtpd/enable/smtpd_service.h"

enum { STARTS_S = 1 /* between smtpd and its filters and tables, at most */ };

static size_t
count_tables(const struct sts_smtpd_conf *conf)
{
	size_t count = 0;

	for (size_t i = 0; i < conf->count; i++)
		count += sts_smtpd_is(&conf->statement[i].word[0], "table") &&
		    sts_smtpd_table_path(&conf->statement[i]) != NULL;
	return count;
}

size_t
sts_smtpd_count_tables(const char *file)
{
	struct sts_smtpd_conf conf;
	size_t count;

	(void)sts_smtpd_read(&conf, file, NULL);
	count = count_tables(&conf);
	sts_smtpd_free(&conf);
	return count;
}

static bool
is_older(const struct sts_smtpd_conf *conf, long uptime)
{
	for (size_t i = 0; i < conf->file_count; i++) {
		if (!sts_service_has_read(conf->file[i], uptime))
			return true;
	}
	return false;
}

static void
look(struct sts_smtpd_loaded *l, const struct sts_smtpd_conf *conf,
    const char *smtpctl, const char *proc)
{
	bool filter = sts_smtpd_our_filter(conf) != NULL;
	size_t tables = count_tables(conf);
	struct sts_smtpd_running r;
	long uptime = sts_service_uptime(smtpctl);

	sts_smtpd_look(&r, proc);
	memset(l, 0, sizeof(*l));
	l->runs = uptime >= 0;
	l->off = !l->runs && r.known && r.smtpd.count == 0;
	if (!l->runs)
		return;
	l->seen = r.known && r.smtpd.count > 0;
	l->lacks_filter = l->seen && filter && r.filter.count == 0;
	l->lacks_table = l->seen && r.table.count < tables;
	l->older = (filter || tables > 0) && is_older(conf, uptime);
}

void
sts_smtpd_look_loaded(struct sts_smtpd_loaded *l, const char *file,
    const char *smtpctl, const char *proc)
{
	const struct timespec pause = {.tv_sec = STARTS_S};
	struct sts_smtpd_conf conf;

	(void)sts_smtpd_read(&conf, file, NULL);
	look(l, &conf, smtpctl, proc);
	if (l->lacks_filter || l->lacks_table) {
		(void)nanosleep(&pause, NULL);
		look(l, &conf, smtpctl, proc);
	}
	sts_smtpd_free(&conf);
}
