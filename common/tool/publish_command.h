/* SPDX-License-Identifier: ISC */
/*
 * Internal to `mta-sts publish`: what was found, what will be published, and
 * its output.
 */
#ifndef STS_TOOL_PUBLISH_COMMAND_H
#define STS_TOOL_PUBLISH_COMMAND_H

#include <stdbool.h>

#include "publish/draft.h"
#include "publish/published.h"
#include "publish/web_server.h"
#include "tool/publish_file.h"
#include "tool/tool.h"

/* Why the id is what it is. */
enum sts_publication_id {
	STS_ID_KEPT,          /* the one in the DNS, which is of this policy */
	STS_ID_FIRST,         /* there is no usable record */
	STS_ID_POLICY_CHANGED /* the one in the DNS is of another policy */
};

struct sts_publication {
	struct sts_tool *tool;
	char domain[STS_NAME_MAX + 1];
	struct sts_published *seen; /* owned */

	/* What was chosen on the command line. */
	bool has_mode, has_age, has_server, prints_one;
	enum sts_mode mode;
	int64_t max_age;
	struct sts_draft patterns; /* of --mx */
	enum sts_web_server server;
	char reports[STS_TLSRPT_MAX + 1]; /* the record's value; "": no --rua */
	bool has_file;                    /* --write */
	struct sts_publish_file file;
	char root[STS_PUBLISH_PATH]; /* of the web server's files */

	/* The policy that is there: the file's, else the policy host's. */
	bool has_present, has_served;
	struct sts_policy present, served;

	/* What will be published. */
	struct sts_draft draft;
	bool is_changed; /* the present one is another, or none */
	bool is_written;
	char id[STS_ID_MAX + 1];
	enum sts_publication_id id_is;
	size_t failed; /* MX hosts that enforce would keep mail from */
};

/* Reads the command line; STS_EXIT_OK, or another status with a message. */
int sts_publication_options(struct sts_publication *p);

/* Calls `take` for each name of a list with commas; false once it does. */
bool sts_publication_each(
    const char *list, bool (*take)(void *arg, const char *name), void *arg);

/* True if the policy host already serves the policy that will be published. */
bool sts_publication_is_served(const struct sts_publication *p);

/* True if mta-sts.DOMAIN has an address. */
bool sts_publication_has_host(const struct sts_publication *p);

/*
 * The value of the _smtp._tls record that there will be, into
 * value[STS_TLSRPT_MAX + 1]; *there: it is in the DNS already.  False: none.
 */
bool sts_publication_reports(
    const struct sts_publication *p, char *value, bool *there);

/* All of it, or with --print one part. */
void sts_publication_print(const struct sts_publication *p);

/* What is wrong with the MX hosts, as `mta-sts check` will say it. */
void sts_publication_print_findings(const struct sts_publication *p, FILE *out);

#endif
