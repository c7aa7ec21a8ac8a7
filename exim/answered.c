/* SPDX-License-Identifier: ISC */
#include "exim/answered.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct note {
	char *file; /* NULL: the default */
	struct sts_answered answered;
};

static struct note *notes[STS_ANSWERED_MAX];
static unsigned next;

static void
free_note(struct note *note)
{
	if (note == NULL)
		return;
	sts_answer_free(&note->answered.answer);
	sts_config_free(&note->answered.config);
	free(note->file);
	free(note);
}

/* Copies a string if there is one; false without memory. */
static bool
copy(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

/* Without the entry of the answer; NULL without memory. */
static struct note *
make_note(const char *file, const struct sts_config *config,
    const struct sts_answer *answer)
{
	struct note *note = calloc(1, sizeof(*note));
	struct sts_config *ours;

	if (note == NULL)
		return NULL;
	ours = &note->answered.config;
	ours->log_level = config->log_level;
	if (copy(&note->file, file) &&
	    copy(&ours->state_dir, config->state_dir) &&
	    copy(&ours->tlsrpt_socket, config->tlsrpt_socket)) {
		note->answered.answer = *answer;
		note->answered.answer.override = NULL;
		note->answered.when = (int64_t)time(NULL);
		return note;
	}
	free_note(note);
	return NULL;
}

static bool
is_about(const struct note *note, const char *file, const char *domain)
{
	return note != NULL &&
	    strcmp(note->answered.answer.domain, domain) == 0 &&
	    (file == NULL || note->file == NULL
		    ? file == note->file
		    : strcmp(file, note->file) == 0);
}

/* The place of a domain's note; NULL: it has none. */
static struct note **
find(const char *file, const char *domain)
{
	for (size_t i = 0; i < STS_ANSWERED_MAX; i++) {
		if (is_about(notes[i], file, domain))
			return &notes[i];
	}
	return NULL;
}

void
sts_answered_note(const char *file, const struct sts_config *config,
    struct sts_answer *answer)
{
	struct note *note;

	sts_answered_forget(file, answer->domain);
	if ((note = make_note(file, config, answer)) == NULL)
		return;
	memset(&answer->entry, 0, sizeof(answer->entry));
	answer->has_entry = false;
	free_note(notes[next]);
	notes[next] = note;
	next = (next + 1) % STS_ANSWERED_MAX;
}

void
sts_answered_forget(const char *file, const char *domain)
{
	struct note **place = find(file, domain);

	if (place == NULL)
		return;
	free_note(*place);
	*place = NULL;
}

const struct sts_answered *
sts_answered_find(const char *file, const char *domain)
{
	struct note **place = find(file, domain);

	return place != NULL ? &(*place)->answered : NULL;
}
