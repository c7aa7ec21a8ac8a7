/* SPDX-License-Identifier: ISC */
#include "report/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum {
	WINDOW = 15 + 16, /* the largest, and gzip's header: zlib.h */
	MEMORY_LEVEL = 8, /* zlib's default */
	FIRST_SIZE = 64 * 1024,
	INPUT_MAX = 1 << 30 /* zlib counts in unsigned int */
};

struct buffer {
	char *bytes;
	size_t used, size, max;
};

const char sts_gzip_too_large[] = "is too large when it is unpacked";

bool
sts_gzip_is(const char *bytes, size_t len)
{
	return len >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

/* Room for at least one more byte; one byte beyond `max` shows an excess. */
static bool
make_room(struct buffer *buffer)
{
	size_t size = buffer->size == 0 ? FIRST_SIZE : buffer->size * 2;
	char *more;

	if (buffer->used < buffer->size)
		return true;
	if (size > buffer->max + 1)
		size = buffer->max + 1;
	if ((more = realloc(buffer->bytes, size)) == NULL)
		return false;
	buffer->bytes = more;
	buffer->size = size;
	return true;
}

/* Unpacks what fits; returns zlib's status. */
static int
step(z_stream *stream, struct buffer *buffer)
{
	int answer;

	stream->next_out = (Bytef *)buffer->bytes + buffer->used;
	stream->avail_out = (uInt)(buffer->size - buffer->used);
	answer = inflate(stream, Z_NO_FLUSH);
	buffer->used = buffer->size - stream->avail_out;
	return answer;
}

/* Another member may follow, or bytes that gzip ignores, too. */
static bool
begin_next(z_stream *stream)
{
	return sts_gzip_is((const char *)stream->next_in, stream->avail_in) &&
	    inflateReset(stream) == Z_OK;
}

static const char *
unpack(z_stream *stream, struct buffer *buffer)
{
	for (;;) {
		int answer;

		if (!make_room(buffer))
			return "no memory";
		answer = step(stream, buffer);
		if (buffer->used > buffer->max)
			return sts_gzip_too_large;
		if (answer == Z_STREAM_END && !begin_next(stream))
			return NULL;
		if (answer == Z_BUF_ERROR ||
		    (answer == Z_OK && stream->avail_in == 0 &&
			stream->avail_out > 0))
			return "its compressed data end too early";
		if (answer == Z_MEM_ERROR)
			return "no memory";
		if (answer != Z_OK && answer != Z_STREAM_END)
			return "its compressed data are damaged";
	}
}

const char *
sts_gzip_unpack(
    const char *bytes, size_t len, size_t max, char **out, size_t *out_len)
{
	struct buffer buffer = {NULL, 0, 0, max};
	z_stream stream = {0};
	const char *wrong;

	*out = NULL;
	*out_len = 0;
	if (len > INPUT_MAX)
		return "is too large";
	if (inflateInit2(&stream, WINDOW) != Z_OK)
		return "no memory";
	stream.next_in = (z_const Bytef *)bytes;
	stream.avail_in = (uInt)len;
	wrong = unpack(&stream, &buffer);
	(void)inflateEnd(&stream);
	*out_len = buffer.used;
	if (wrong == NULL)
		*out = buffer.bytes;
	else
		free(buffer.bytes);
	return wrong;
}

bool
sts_gzip_pack(const char *bytes, size_t len, char **out, size_t *out_len)
{
	z_stream stream = {0};
	size_t size;
	int answer;

	*out = NULL;
	*out_len = 0;
	if (len > INPUT_MAX ||
	    deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW,
		MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	size = deflateBound(&stream, (uLong)len);
	if ((*out = malloc(size)) == NULL) {
		(void)deflateEnd(&stream);
		return false;
	}
	stream.next_in = (z_const Bytef *)bytes;
	stream.avail_in = (uInt)len;
	stream.next_out = (Bytef *)*out;
	stream.avail_out = (uInt)size;
	answer = deflate(&stream, Z_FINISH);
	*out_len = size - stream.avail_out;
	(void)deflateEnd(&stream);
	if (answer == Z_STREAM_END)
		return true;
	free(*out);
	*out = NULL;
	return false;
}
