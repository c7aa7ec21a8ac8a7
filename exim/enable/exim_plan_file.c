/* SPDX-License-Identifier: ISC */
/*
 * A configuration in a single file, the operator's own or a panel's: four lines
 * are placed in it, and the options of its transport are written for ours. That
 * file comes first, since nothing takes it in before the other one does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/readfile.h"
#include "exim/enable/exim_command.h"
#include "exim/enable/exim_place.h"
#include "exim/enable/exim_work.h"

#define INCLUDES STS_EXAMPLE_DIR "/exim/include"
/* As exim/conf/include/transports names it. */
#define OPTIONS STS_EXIM_OPTIONS_FILE

enum { TEXT_MAX = 4 * 1024 * 1024 };

static enum sts_enable_result
check_includes(const struct sts_work *w)
{
	static const char *const names[] = {
	    "main", "routers", "transports", "retry"};
	char path[STS_WORK_PATH_BYTES];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), INCLUDES "/%s", names[i]);
		if (access(path, R_OK) != 0)
			return sts_work_refuse(w, "make install-exim-texts",
			    "%s is missing: this suite is not installed whole",
			    path);
	}
	return STS_ENABLE_DONE;
}

/*
 * The trial has files of its own: the transports take in the options that are
 * to be written, not those that are there.
 */
static enum sts_enable_result
write_trial(struct sts_work *w, const struct sts_place *place)
{
	char options[STS_WORK_PATH_BYTES], ours[STS_WORK_PATH_BYTES];
	char *bytes, *text, *trial;
	size_t len, text_len = 0, trial_len = 0;
	struct stat st;
	bool fine;

	if (stat(w->live, &st) != 0)
		return sts_work_fail(w, "%s: %s", w->live, strerror(errno));
	(void)snprintf(
	    w->trial, sizeof(w->trial), "%s/exim.conf", w->trial_dir);
	(void)snprintf(options, sizeof(options), "%s/options", w->trial_dir);
	(void)snprintf(ours, sizeof(ours), "%s/transports", w->trial_dir);
	if (sts_readfile(
		INCLUDES "/transports", true, TEXT_MAX, &bytes, &len) != STS_OK)
		return sts_work_fail(
		    w, INCLUDES "/transports: %s", strerror(errno));
	text = sts_replace_all(bytes, OPTIONS, options, &text_len);
	trial = sts_replace_all(
	    place->text, INCLUDES "/transports", ours, &trial_len);
	fine = text != NULL && trial != NULL &&
	    sts_command_write(ours, text, text_len, &st) &&
	    sts_command_write(
		options, place->options, place->options_len, &st) &&
	    sts_command_write(w->trial, trial, trial_len, &st);
	free(bytes);
	free(text);
	free(trial);
	if (fine)
		return STS_ENABLE_DONE;
	return sts_work_fail(w, "%s: %s", w->trial_dir, strerror(errno));
}

/* The options may be as secret as the file that they come from. */
static void
copy_mode(struct sts_work *w)
{
	const struct sts_change_item *file;
	struct sts_change_state *options;

	if (w->changes.count != 2)
		return;
	file = &w->changes.item[1];
	options = &w->changes.item[0].next;
	options->mode = file->next.mode;
	options->uid = file->next.uid;
	options->gid = file->next.gid;
}

static enum sts_enable_result
plan(struct sts_work *w, const struct sts_place *place)
{
	struct sts_changes *c = &w->changes;
	enum sts_change_result result =
	    sts_changes_write(c, OPTIONS, place->options, place->options_len);

	(void)fprintf(w->e->out,
	    "the routers go before router %s, and use the options of transport "
	    "%s\n",
	    place->router, place->transport);
	if (place->other[0] != '\0')
		(void)fprintf(w->e->out,
		    "  note: mail that router %s took by another transport "
		    "will "
		    "have the options of %s too, where a domain enforces\n",
		    place->other, place->transport);
	if (place->lost[0] != '\0')
		(void)fprintf(w->e->out,
		    "  note: options of your routers that do not apply to "
		    "such mail: %s\n",
		    place->lost);
	if (result == STS_CHANGE_OK)
		result = sts_changes_write(c, w->live, place->text, place->len);
	if (result != STS_CHANGE_OK)
		return sts_work_changes(w, result);
	copy_mode(w);
	return write_trial(w, place);
}

/*
 * Conditions (.ifdef) and macros are Exim's to resolve: it is asked whether the
 * router that was found is one of its routers, with that transport.
 */
static enum sts_enable_result
check_router(const struct sts_work *w, const struct sts_place *place)
{
	char wanted[STS_WORK_PATH_BYTES], *said;
	bool is_there;

	(void)snprintf(
	    wanted, sizeof(wanted), "\ntransport = %s\n", place->transport);
	is_there =
	    STS_COMMAND(&said, w->binary, "-bP", "router", place->router) &&
	    said != NULL && strstr(said, wanted) != NULL;
	free(said);
	if (is_there)
		return STS_ENABLE_DONE;
	return sts_work_refuse(w,
	    "place the four lines by hand: 3b in the guide, exim.md",
	    "%s: Exim has no router %s with transport %s: a condition (.ifdef) "
	    "leaves it out, so mail leaves by another way",
	    w->live, place->router, place->transport);
}

enum sts_enable_result
sts_work_plan_file(struct sts_work *w)
{
	struct sts_place place;
	enum sts_enable_result result = check_includes(w);
	char *text;
	size_t len;

	if (result != STS_ENABLE_DONE)
		return result;
	if (sts_readfile(w->live, false, TEXT_MAX, &text, &len) != STS_OK)
		return sts_work_fail(w, "%s: %s", w->live, strerror(errno));
	if (strlen(text) != len) {
		free(text);
		return sts_work_refuse(w, NULL, "%s: a byte 0 in it", w->live);
	}
	switch (sts_place_includes(&place, text, len)) {
	case STS_PLACE_OK:
		result = check_router(w, &place);
		if (result == STS_ENABLE_DONE)
			result = plan(w, &place);
		break;
	case STS_PLACE_THERE:
		(void)fprintf(w->e->out,
		    "%s has the routers of MTA-STS already\n", w->live);
		break;
	case STS_PLACE_CANNOT:
		result = sts_work_refuse(
		    w, place.fix, "%s: %s", w->live, place.reason);
		break;
	case STS_PLACE_NO_MEMORY:
		result = sts_work_fail(w, "%s", strerror(ENOMEM));
	}
	sts_place_free(&place);
	free(text);
	return result;
}
