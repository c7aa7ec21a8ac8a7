/* SPDX-License-Identifier: ISC */
/*
 * The name servers that are asked at present, and whether any of them answers
 * anything.
 */
#ifndef STS_DNS_SERVERS_H
#define STS_DNS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"
#include "dns/channel.h"
#include "dns/nameserver.h"
#include "loop/loop.h"

#define STS_SYSTEM_FILE "/etc/resolv.conf"

/* A list of servers; counted, since a question keeps the one it began with. */
struct sts_servers;

/* Where the lists come from. */
struct sts_server_source;

/*
 * The configuration's servers, or where it has none those of `path`, read at
 * the first question and again once the file is another one, which is looked
 * for at most once a second.  STS_NO_MEMORY, or STS_CONFIG for a configured
 * server that is no address.
 */
enum sts_status sts_server_source_create(struct sts_server_source **source,
    struct sts_loop *loop, const struct sts_config *config, const char *path);

/* NULL is allowed; the lists that are in use stay. */
void sts_server_source_destroy(struct sts_server_source *source);

/*
 * The present list, which the caller releases, in *servers; a local fault
 * where the system's file cannot be read.
 */
enum sts_status sts_servers_take(
    struct sts_servers **servers, struct sts_server_source *source);

/* Not out of sts_attempt_ended; NULL is allowed. */
void sts_servers_release(struct sts_servers *servers);

size_t sts_servers_count(const struct sts_servers *servers);
struct sts_lane *sts_servers_lane(struct sts_servers *servers, size_t i);
const struct sts_nameserver *sts_servers_server(
    const struct sts_servers *servers, size_t i);

enum { STS_CONTROL_MS = 250 };

/*
 * True where one of them has sent a DNS message at that time, not longer than
 * STS_CONTROL_MS before it, or since.
 */
bool sts_servers_alive(const struct sts_servers *servers, int64_t at_ms);

/*
 * The control question: asks all of them for the root's NS records.  What
 * they answer is no matter; that they do makes them alive.  All who need it
 * within STS_CONTROL_MS share one.
 */
void sts_servers_control(struct sts_servers *servers);

/* True while a control question waits for an answer. */
bool sts_servers_in_control(const struct sts_servers *servers);

#endif
