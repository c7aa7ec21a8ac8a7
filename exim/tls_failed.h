/* SPDX-License-Identifier: ISC */
/*
 * Has a bounce say that it was the recipient's policy that no session could
 * meet: Exim itself gives "retry timeout exceeded" for a reason.
 */
#ifndef STS_EXIM_TLS_FAILED_H
#define STS_EXIM_TLS_FAILED_H

/*
 * Makes room for what a transport's process has to say to the one that forked
 * it and writes the bounce.  Without memory the bounce is Exim's own.
 */
void sts_tls_failed_prepare(void);

/*
 * ${dlfunc{FILE}{mta_sts_tls_failed}}, in the event_action of the enforcing
 * transport, where TLS with a host failed.  Always succeeds, and sets *yield to
 * "": any other text would refuse a session.
 */
__attribute__((visibility("default"))) int mta_sts_tls_failed(
    unsigned char **yield, int argc, unsigned char *argv[]);

/*
 * ${dlfunc{FILE}{mta_sts_bounce}}: "yes" if mta_sts_tls_failed was called since
 * this process first asked about a domain, here or in a process that it forked;
 * else "".  Always succeeds.
 */
__attribute__((visibility("default"))) int mta_sts_bounce(
    unsigned char **yield, int argc, unsigned char *argv[]);

#endif
