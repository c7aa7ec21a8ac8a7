/* SPDX-License-Identifier: ISC */
#include "resolver/ask_txt.h"

#include <stdio.h>

#include "dns/dns.h"
#include "loop/loop.h"

struct answer {
	bool done;
	enum sts_status status;
};

static void
on_txt(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct answer *answer = arg;

	answer->done = true;
	answer->status = status;
	for (size_t i = 0; i < count; i++) {
		(void)fputs("txt ", stdout);
		for (size_t k = 0; k < records[i].len; k++) {
			char byte = records[i].p[k];

			(void)putchar(byte >= ' ' && byte < 0x7f ? byte : '?');
		}
		(void)putchar('\n');
	}
}

static enum sts_status
ask(struct sts_loop *loop, const struct sts_config *config, const char *name)
{
	struct answer answer = {false, STS_NO_MEMORY};
	struct sts_dns *dns;
	enum sts_status status = sts_dns_create(&dns, loop, config);

	if (status != STS_OK)
		return status;
	if (sts_dns_txt(
		dns, name, config->dns_timeout * 1000, on_txt, &answer) != NULL)
		while (!answer.done && status == STS_OK)
			status = sts_loop_step(loop, 1000);
	sts_dns_destroy(dns);
	return answer.done || status == STS_OK ? answer.status : status;
}

int
sts_print_txt(const struct sts_config *config, const char *name)
{
	struct sts_loop *loop;
	enum sts_status status = sts_loop_create(&loop);

	if (status == STS_OK) {
		status = ask(loop, config, name);
		sts_loop_destroy(loop);
	}
	(void)printf("done txt %s\n", sts_status_name(status));
	(void)fflush(stdout);
	if (status == STS_OK)
		return 0;
	return sts_status_is_local(status) ? 3 : 1;
}
