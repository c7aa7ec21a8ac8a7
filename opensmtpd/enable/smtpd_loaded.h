/* SPDX-License-Identifier: ISC */
/*
 * Whether smtpd runs with its file as it is: smtpd reads that only when it
 * starts, and a restart is forgotten.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_LOADED_H
#define STS_OPENSMTPD_ENABLE_SMTPD_LOADED_H

#include <stdbool.h>
#include <stddef.h>

struct sts_smtpd_loaded {
	bool runs; /* smtpctl is answered */
	bool off;  /* it is not, and there is no process of smtpd */
	bool seen; /* smtpd's processes are; else it is said to lack nothing */
	/* The file has a filter, or more tables, of ours than there are. */
	bool lacks_filter, lacks_table;
	/* The file, or one that it includes, was changed after the start. */
	bool older;
};

/*
 * Asks `smtpctl` and looks below `proc` (NULL: /proc), as root; where something
 * lacks again after a second, since smtpd may have been starting.  Another pid
 * namespace's smtpd does not count.  Of several smtpd's here, one with filter
 * and tables speaks for all.  Takes four minutes where smtpctl is stuck.
 */
void sts_smtpd_look_loaded(struct sts_smtpd_loaded *l, const char *file,
    const char *smtpctl, const char *proc);

/* Tables of ours in a smtpd.conf: so many programs are started. */
size_t sts_smtpd_count_tables(const char *file);

#endif
