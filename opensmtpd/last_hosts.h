/* SPDX-License-Identifier: ISC */
/*
 * The table's last answers: which host smtpd was given for which domain, and
 * when.
 *
 * A strict session that fails before RCPT names no domain, and no event has the
 * name of its host: only the table knew both.  So where TLS reports are on it
 * writes its last answers into the file "smtp-hosts" in the state directory,
 * and the filter looks there for the domain of such a session.  Two domains may
 * share a slot: the later answer is the one that is there.
 */
#ifndef STS_OPENSMTPD_LAST_HOSTS_H
#define STS_OPENSMTPD_LAST_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "opensmtpd/shared_file.h"

enum { STS_LAST_HOSTS_MAX = 256 };

struct sts_last_host {
	int64_t when_ms; /* sts_delivery_log_now */
	char domain[STS_NAME_MAX + 1];
	char host[STS_NAME_MAX + 1];
};

/* Records an answer.  Both names are normalised. */
void sts_last_hosts_note(
    struct sts_shared_file *file, const char *domain, const char *host);

/*
 * Reads the answers that were given at `since_ms` or later, the latest first;
 * returns how many.
 */
size_t sts_last_hosts_read(struct sts_shared_file *file, int64_t since_ms,
    struct sts_last_host hosts[STS_LAST_HOSTS_MAX]);

/* For sts_shared_file_init. */
#define STS_LAST_HOSTS_FILE "smtp-hosts"

#endif
