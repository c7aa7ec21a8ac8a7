/* SPDX-License-Identifier: ISC */
/*
 * The name servers in use, and whether any of them works.
 *
 * The control questions distinguish a domain whose DNS fails from name servers
 * that fail for every name, because they refuse this machine (an access list)
 * or reach no server (no route, as at boot).  They are
 *
 *	.			NS	the root; also a private one
 *	root-servers.net	SOA	for resolvers that refuse the first, as
 *					one that amplifies attacks
 *
 * No other answer counts, since a resolver without a route still answers for
 * its local zones (localhost, .invalid, the operator's own names).  So the root
 * must have records, since systemd-resolved by itself says that it has none;
 * and the second has two labels, since it asks the neighbours (LLMNR) for names
 * of one and says NXDOMAIN if they are silent.
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

/* The source of the lists. */
struct sts_server_source;

/*
 * The configured servers, or if there are none those of `path`, read at the
 * first question and again when the file has changed, which is checked at most
 * once a second.  STS_NO_MEMORY, or STS_CONFIG if a configured server is not an
 * address.
 */
enum sts_status sts_server_source_create(struct sts_server_source **source,
    struct sts_loop *loop, const struct sts_config *config, const char *path);

/* NULL is allowed; lists in use stay. */
void sts_server_source_destroy(struct sts_server_source *source);

/*
 * The current list, which the caller releases, in *servers; a local fault if
 * the system's file cannot be read.
 */
enum sts_status sts_servers_take(
    struct sts_servers **servers, struct sts_server_source *source);

/* Not from sts_attempt_ended; NULL is allowed. */
void sts_servers_release(struct sts_servers *servers);

size_t sts_servers_count(const struct sts_servers *servers);
struct sts_lane *sts_servers_lane(struct sts_servers *servers, size_t i);
const struct sts_nameserver *sts_servers_server(
    const struct sts_servers *servers, size_t i);

enum { STS_CONTROL_MS = 250, STS_CONTROL_QUESTIONS = 2 };

/*
 * True if one of them has sent a useful answer (reply.h) to a control question
 * since STS_CONTROL_MS before that time.
 */
bool sts_servers_alive(const struct sts_servers *servers, int64_t at_ms);

/*
 * Sends all of them the control questions; all queries within STS_CONTROL_MS
 * share them.  A useful answer makes them alive.
 */
void sts_servers_control(struct sts_servers *servers);

/* True while a control question waits for an answer. */
bool sts_servers_in_control(const struct sts_servers *servers);

/*
 * Sends one server all STS_CONTROL_QUESTIONS control questions, with these
 * options except name and type: `ended` is called for each.
 */
void sts_control_ask(
    struct sts_lane *lane, const struct sts_ask_options *but_for_question);

#endif
