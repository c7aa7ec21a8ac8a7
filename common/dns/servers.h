/* SPDX-License-Identifier: ISC */
/*
 * The name servers that are asked at present, and whether any of them answers
 * anything.
 *
 * The control questions tell a domain whose DNS is in trouble from name servers
 * that fail for every name: they do not listen to this machine (an access
 * list), or cannot reach any server (the way out is down, as at boot).  They
 *are
 *
 *	.			NS	the root; also a private one
 *	root-servers.net	SOA	for resolvers that refuse the first, as
 *					one that amplifies attacks
 *
 * No other answer counts: a resolver without a way out still has those of its
 * local zones (localhost, .invalid, the operator's own names).  For the same
 * reason there must be records for the root, of which systemd-resolved says by
 * itself that it has none; and the second has two labels, since for names of
 * one it asks the neighbours (LLMNR), and says NXDOMAIN where they are silent.
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

enum { STS_CONTROL_MS = 250, STS_CONTROL_QUESTIONS = 2 };

/*
 * True where one of them has sent a useful answer (reply.h) to a control
 * question at that time, not longer than STS_CONTROL_MS before it, or since.
 */
bool sts_servers_alive(const struct sts_servers *servers, int64_t at_ms);

/*
 * Asks all of them the control questions.  A useful answer to one makes them
 * alive.  All who need them within STS_CONTROL_MS share them.
 */
void sts_servers_control(struct sts_servers *servers);

/* True while a control question waits for an answer. */
bool sts_servers_in_control(const struct sts_servers *servers);

/*
 * Asks one server, with these options but for name and type, all the
 * STS_CONTROL_QUESTIONS control questions: `ended` comes for each.
 */
void sts_control_ask(
    struct sts_lane *lane, const struct sts_ask_options *but_for_question);

#endif
