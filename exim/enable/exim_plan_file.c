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
	switch (sts_place_includes(&place, text, len)) {
	case STS_PLACE_OK:
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
