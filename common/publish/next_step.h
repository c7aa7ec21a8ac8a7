/* SPDX-License-Identifier: ISC */
/*
 * What a publisher does next: from the policy that he is about to publish, and
 * from what senders see now, RFC 8461 8.1 to 8.3.
 */
#ifndef STS_PUBLISH_NEXT_STEP_H
#define STS_PUBLISH_NEXT_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "publish/draft.h"

struct sts_next {
	const char *domain;
	const struct sts_draft *draft;
	/*
	 * The options besides --mode and --max-age that a later command
	 * repeats, with a space before each; "": none.
	 */
	const char *options;
	bool is_served;   /* the policy host serves this policy */
	bool has_record;  /* its record is in the DNS, with the right id */
	bool has_reports; /* so is a usable _smtp._tls record */
	bool has_host;    /* mta-sts.DOMAIN leads somewhere */
	bool mx_failed; /* an MX host would not be delivered to with enforce */
	/* The policy before, if it is another one: its mode and max_age. */
	bool has_old;
	enum sts_mode old_mode;
	int64_t old_max_age;
	int64_t now; /* seconds since 1970 */
};

/* Calls `step` with each, in the order in which they are to be done. */
void sts_next_steps(const struct sts_next *next,
    void (*step)(void *arg, const char *text), void *arg);

#endif
