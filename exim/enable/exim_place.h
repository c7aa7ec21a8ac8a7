/* SPDX-License-Identifier: ISC */
/*
 * Where the four includes go in an Exim configuration of the operator's, a
 * single file: found by what its routers do, not by their names.
 */
#ifndef STS_EXIM_ENABLE_EXIM_PLACE_H
#define STS_EXIM_ENABLE_EXIM_PLACE_H

#include <stddef.h>

enum sts_place_result {
	STS_PLACE_OK,
	STS_PLACE_THERE,  /* it has such routers already */
	STS_PLACE_CANNOT, /* `reason` and `fix` say why */
	STS_PLACE_NO_MEMORY
};

struct sts_place {
	char *text; /* the new file; the caller frees it */
	size_t len;
	/*
	 * Options of the operator's own transport, for our three; the caller
	 * frees it.  Never NULL after STS_PLACE_OK.
	 */
	char *options;
	size_t options_len;
	char router[128];    /* the router before which ours are */
	char transport[128]; /* whose options are taken over */
	char other[128]; /* of another such router, with other options, or "" */
	char lost[128];  /* options of such routers that ours lack, or "" */
	char reason[512];
	char fix[512];
};

/*
 * Places them in the file's text, which ends with a NUL.  Everything else stays
 * as it is.
 */
enum sts_place_result sts_place_includes(
    struct sts_place *place, const char *text, size_t len);

void sts_place_free(struct sts_place *place);

#endif
