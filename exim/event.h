/* SPDX-License-Identifier: ISC */
#ifndef STS_EXIM_EVENT_H
#define STS_EXIM_EVENT_H

/*
 * For TLS reports (RFC 8460): what Exim's event_action calls at each event of a
 * delivery.  Always succeeds, with "" in *yield: any other text would refuse a
 * certificate, or the connection.
 *
 *     ${dlfunc{FILE}{mta_sts_event}{$event_name}{$event_data}
 *         {d=DOMAIN h=HOST a=ADDRESS s=OWN-ADDRESS m=MODE}
 *         {c=CIPHER v=VERIFIED u=TLSA-USAGE}{COUNTS}
 *         {NOT-AFTER}{DNS-NAMES}}
 *
 * "-" stands for what is not there.  COUNTS is "-", or the path of the
 * configuration file, or something else for what is not counted: callouts, and
 * mail with "TLS-Required: No", as reports are.
 *
 * Each new SMTP session with a domain that wants reports is one outcome
 * (store/outcomes.h), decided as soon as TLS is up or has failed.  A session
 * that ends before EHLO is none, and so are another message on the same
 * connection and the attempt in clear text after a failed one.  Events with
 * names that are not known cost a comparison.
 *
 * The event mta-sts:no-mx comes from the router that defers mail because the
 * policy permits no MX host; only d= and m= are needed.
 *
 * Exim does not say that DANE is in force for a host that answers STARTTLS with
 * 4xx: such a session counts under the policy that is in force otherwise.
 *
 * The policy is that of mta_sts_query's last answer for the domain in this
 * process or one that has forked it, with the same configuration file; without
 * one it is that of the store.
 *
 * Each outcome is a line in syslog, in the words of Postfix; so is one that was
 * lost, once a day and process.
 */
__attribute__((visibility("default"))) int mta_sts_event(
    unsigned char **yield, int argc, unsigned char *argv[]);

#endif
