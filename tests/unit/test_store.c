// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_store.c - what vhctl's image store takes from others: names, an index, headers of qcow2 files,
 * frames of a peer. Right ones are taken whole; wrong ones are refused, and random ones do no harm.
 */
#include <endian.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/progress.h"
#include "image/store.h"
#include "image/wire.h"
#include "qcow2.h"
#include "tap.h"
#include "vhctl.h"

static char said[1024];

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

void progress_add(struct progress *p, uint64_t n)
{
	(void)p;
	(void)n;
}

/* The same numbers on every run. */
static uint32_t state = 1;

static uint32_t rnd(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint64_t)(state >> 8) * below >> 24;
}

/* --- names --- */

static void test_names(void)
{
	static const char *const good[] = { "debian", "debian-12.5_x", "a", "deadbeef", "0", "x0123456789ab" };
	static const char *const bad[] = {
		"", "-a", "a-", ".a", "a.", "_a", "A", "a/b", "a b", "..", "a:", ":a", "a:b:c", "a:-b", "a:.b",
		"a\n", "a\x1b", "0123456789ab", "a:b/c", "a:b c", "\xc3\xa4",
	};
	char name[NAME_SIZE], text[400];
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "%s:latest", good[i]);
		TAP_CHECK(name_complete(good[i], name) && !strcmp(name, text));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(!name_complete(bad[i], name), "name %u is none", i);
	TAP_CHECK(name_complete("a:V1.0-x_y", name) && !strcmp(name, "a:V1.0-x_y"));
	memset(text, 'x', sizeof(text));
	text[63] = 0;
	TAP_CHECK(name_complete(text, name));
	text[63] = 'x';
	text[64] = 0;
	TAP_CHECK(!name_complete(text, name));
	text[64] = 'x';
	text[300] = 0;
	TAP_CHECK(!name_complete(text, name));
	memcpy(text, "x:", 2);
	TAP_CHECK(!name_complete(text, name));
	TAP_CHECK(label_valid("org.example/a-b", "text") && label_valid("a", ""));
	TAP_CHECK(!label_valid("", "x") && !label_valid("a b", "x") && !label_valid("a", "x\n"));
	TAP_CHECK(!label_valid("a", "\x1b[31m"));
}

/* --- an index --- */

static void hex(char id[ID_SIZE], char digit)
{
	memset(id, digit, ID_SIZE - 1);
	id[ID_SIZE - 1] = 0;
}

static void make_image(struct image *m, char digit, char parent, bool sealed)
{
	*m = (struct image){ .sealed = sealed, .size = 1 << 20, .bytes = sealed ? 4096 : 0, .created = 1000 };
	hex(m->id, digit);
	if (sealed)
		hex(m->digest, digit);
	if (parent)
		hex(m->parent, parent);
}

/* a, b on a, and c, writable, on b. */
static void make_index(struct index *x)
{
	struct image m;

	*x = (struct index){ };
	make_image(&m, 'a', 0, true);
	m.cmdline = strdup("console=ttyS0 \"x\"");
	m.memory = 1ULL << 30;
	m.cpus = 2;
	m.labels = 1;
	m.label[0] = (struct label){ strdup("k"), strdup("v") };
	hex(m.kernel, 'd');
	hex(m.initrd, 'e');
	index_add(x, &m);
	make_image(&m, 'b', 'a', true);
	index_add(x, &m);
	make_image(&m, 'c', 'b', false);
	index_add(x, &m);
	index_set_name(x, "base:latest", x->image[0].id);
	index_set_name(x, "base:1", x->image[0].id);
	index_set_name(x, "mid:latest", x->image[1].id);
	index_set_name(x, "web:latest", x->image[2].id);
}

static void test_index(void)
{
	const struct image *chain[CHAIN_MAX];
	char file[FILE_SIZE], id[ID_SIZE], other[ID_SIZE];
	struct index x, y;
	struct image *m;
	json_object *j;
	const char *text;
	bool several;
	unsigned int n;

	make_index(&x);
	j = index_to_json(&x);
	text = json_object_to_json_string(j);
	TAP_CHECK(!index_from_json(j, &y));
	TAP_EQ(y.images, 3);
	TAP_EQ(y.names, 4);
	m = index_find(&y, "base", &several);
	TAP_CHECK(m && !strcmp(m->cmdline, "console=ttyS0 \"x\"") && m->memory == 1ULL << 30 && m->cpus == 2);
	TAP_CHECK(m && m->labels == 1 && !strcmp(m->label[0].value, "v") && m->kernel[0] == 'd' && m->bytes == 4096);
	/* What it says is the same both ways, so the id is, too. */
	image_seal_id(&x.image[0], id);
	image_seal_id(m, other);
	TAP_CHECK(!strcmp(id, other));
	m->label[0].value[0] = 'w';
	image_seal_id(m, other);
	TAP_CHECK(strcmp(id, other));
	TAP_EQ(index_chain(&y, index_find(&y, "web", &several), chain), 3);
	TAP_CHECK(chain[0]->id[0] == 'a' && chain[2]->id[0] == 'c');
	TAP_CHECK(index_find(&y, "bbbb", &several) == &y.image[1] && index_find(&y, "sha256:aaaaaaa", &several));
	TAP_CHECK(!index_find(&y, "bbb", &several) && !index_find(&y, "base:2", &several));
	text = index_child_of(&y, y.image[0].id, &n);
	TAP_CHECK(n == 1 && !strcmp(text, "mid:latest"));
	sealed_name(y.image[0].initrd, file);
	TAP_CHECK(index_uses(&y, file));
	disk_name(&y.image[2], file);
	TAP_CHECK(!strncmp(file, "work-cc", 7) && index_uses(&y, file));
	TAP_CHECK(!index_uses(&y, "sha256-") && !index_uses(&y, "work-"));
	index_set_name(&y, "base:1", y.image[1].id);
	/* Its own id, whose memory goes. */
	index_remove(&y, y.image[0].id);
	TAP_CHECK(y.images == 2 && y.names == 3 && index_find(&y, "base:1", &several));
	TAP_CHECK(!index_find(&y, "base", &several));
	TAP_EQ(index_chain(&y, index_find(&y, "web", &several), chain), -1);
	index_free(&y);
	/* A beginning that two have. */
	hex(x.image[0].id, 'b');
	x.image[0].id[10] = 'c';
	TAP_CHECK(!index_find(&x, "bbbb", &several) && several);
	index_free(&x);
	json_object_put(j);
}

/* The index with one thing changed in its text. */
static const char *refused(const char *from, const char *to)
{
	static char whole[8192];
	const char *text, *at, *why = "does not parse";
	struct index x, y = { };
	json_object *j;

	make_index(&x);
	j = index_to_json(&x);
	text = json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN);
	at = strstr(text, from);
	if (at)
		snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	json_object_put(j);
	index_free(&x);
	if (!at)
		return NULL;		/* the test is wrong */
	j = json_parse(whole, strlen(whole));
	if (j)
		why = index_from_json(j, &y);
	json_object_put(j);
	index_free(&y);
	return why;
}

static void test_bad_index(void)
{
	static const char *const changes[][2] = {
		{ "\"version\":1", "\"version\":2" }, { "\"version\":1", "\"version\":\"1\"" },
		{ "\"version\":1,", "" },
		{ "\"images\":[", "\"images\":[7," }, { "\"images\":[", "\"images\":[null," },
		{ "\"id\":\"aaaa", "\"id\":\"../a" }, { "\"id\":\"aaaa", "\"id\":\"aaa" },
		{ "\"id\":\"aaaa", "\"id\":\"AAAA" },
		{ "\"digest\":\"aaaa", "\"digest\":\"aa/a" }, { "\"sealed\":true", "\"sealed\":1" },
		{ "\"sealed\":true", "\"sealed\":false" }, { "\"sealed\":false", "\"sealed\":true" },
		{ "\"size\":1048576", "\"size\":-1" }, { "\"size\":1048576", "\"size\":0" },
		{ "\"size\":1048576", "\"size\":1048577" }, { "\"size\":1048576", "\"size\":18446744073709551616" },
		{ "\"size\":1048576", "\"size\":9223372036854775296" }, { "\"size\":1048576", "\"size\":1e6" },
		{ "\"size\":1048576", "\"size\":[]" }, { "\"bytes\":4096", "\"bytes\":-4096" },
		{ "\"created\":1000", "\"created\":-5" }, { "\"created\":1000", "\"created\":\"x\"" },
		{ "\"kernel\":\"dddd", "\"kernel\":\"ddd" }, { "\"kernel\"", "\"colonel\"" },
		{ "\"cmdline\":\"console", "\"cmdline\":\"\\u001b[31m" },
		{ "\"cmdline\":\"console", "\"cmdline\":\"a\\u0000" },
		{ "\"cmdline\":\"console=ttyS0 \\\"x\\\"\"", "\"cmdline\":{}" },
		{ "\"memory\":1073741824", "\"memory\":-1" },
		{ "\"cpus\":2", "\"cpus\":5000" }, { "\"labels\":{\"k\"", "\"labels\":{\"k k\"" },
		{ "\"labels\":{\"k\":\"v\"}", "\"labels\":{\"k\":7}" },
		{ "\"labels\":{\"k\":\"v\"}", "\"labels\":{\"k\":null}" },
		{ "\"labels\":{\"k\":\"v\"}", "\"labels\":[1]" },
		{ "\"labels\":{\"k\":\"v\"}", "\"labels\":{\"k\":\"\\n\"}" },
		{ "\"parent\":\"aaaa", "\"parent\":\"aaab" },
		/* standing on a writable one, and on itself */
		{ "\"parent\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
		  "\"parent\":\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"" },
		{ "\"parent\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
		  "\"parent\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"" },
		/* twice the same */
		{ "\"id\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"",
		  "\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"" },
		{ "\"names\":{", "\"names\":{\"Base:x\":\"\"," }, { "\"names\":{", "\"names\":{\"x\":\"\"," },
		{ "\"names\":{", "\"names\":{\"x:y\":7," }, { "\"names\":{", "\"names\":{\"x:y\":null," },
		{ "\"names\":{", "\"names\":[" }, { "\"names\"", "\"noms\"" }, { "\"images\"", "\"imagines\"" },
	};
	char deep[64];
	json_object *j;
	const char *why;

	TAP_CHECK(!refused("\"version\":1", "\"version\":1,\"unknown\":{}"));
	for (unsigned int i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		why = refused(changes[i][0], changes[i][1]);
		tap_ok(!!why, "an index with %s: %s", changes[i][1], why ? why : "was taken");
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	TAP_CHECK(!json_parse(deep, strlen(deep)));
	TAP_CHECK(!json_parse("{}x", 3) && !json_parse("", 0) && !json_parse("{", 1));
	j = json_parse("{}", 2);
	TAP_CHECK(j);
	json_object_put(j);
}

/* --- qcow2 --- */

static uint8_t head[4096];

static void put32(size_t at, uint32_t v)
{
	v = htobe32(v);
	memcpy(head + at, &v, 4);
}

static void put64(size_t at, uint64_t v)
{
	put32(at, v >> 32);
	put32(at + 4, v);
}

/* A header of version 3 with a backing format, an end, and a backing file's name. */
static void make_head(const char *backing)
{
	memset(head, 0, sizeof(head));
	put32(0, 0x514649fb);
	put32(4, 3);
	put64(24, 1 << 20);
	put32(100, 104);
	put32(104, 0xe2792aca);
	put32(108, 5);
	memcpy(head + 112, "qcow2", 5);
	if (*backing) {
		put64(8, 128);
		put32(16, strlen(backing));
		memcpy(head + 128, backing, strlen(backing));
	}
}

static const char *parse(struct qcow2 *q)
{
	return qcow2_parse(head, sizeof(head), q);
}

static void test_qcow2(void)
{
	struct qcow2 q;
	unsigned int n, bad = 0;

	make_head("sha256-x");
	TAP_CHECK(!parse(&q) && !strcmp(q.backing, "sha256-x") && !strcmp(q.backing_format, "qcow2"));
	TAP_EQ(q.size, 1 << 20);
	TAP_CHECK(!q.encrypted && !q.dirty && !q.corrupt && !q.data_file && !q.unknown);
	for (n = 0; n < 136; n++)
		bad += !qcow2_parse(head, n, &q);
	TAP_EQ(bad, 0);
	make_head("");
	TAP_CHECK(!parse(&q) && !*q.backing);
	put32(0, 0x514649fa);
	TAP_CHECK(parse(&q));
	make_head("");
	put32(4, 4);
	TAP_CHECK(parse(&q));
	make_head("");
	put64(72, 4);
	TAP_CHECK(!parse(&q) && q.data_file);
	put64(72, 1);
	TAP_CHECK(!parse(&q) && q.dirty);
	put64(72, 2);
	TAP_CHECK(!parse(&q) && q.corrupt);
	put64(72, 1ULL << 63);
	TAP_CHECK(!parse(&q) && q.unknown);
	make_head("");
	put32(32, 2);
	TAP_CHECK(!parse(&q) && q.encrypted);
	/* The data file's name, without its feature. */
	make_head("");
	put32(104, 0x44415441);
	TAP_CHECK(!parse(&q) && q.data_file);
	/* Behind where anybody looks. */
	make_head("x");
	put64(8, 1 << 20);
	TAP_CHECK(parse(&q));
	make_head("x");
	put64(8, UINT64_MAX);
	TAP_CHECK(parse(&q));
	make_head("x");
	put32(16, UINT32_MAX);
	TAP_CHECK(parse(&q));
	make_head("x");
	put32(16, 0);
	TAP_CHECK(parse(&q));
	make_head("x");
	put64(8, 8);
	TAP_CHECK(parse(&q));
	make_head("ab");
	head[128] = 0;
	TAP_CHECK(parse(&q));
	make_head("");
	put32(108, UINT32_MAX);
	TAP_CHECK(parse(&q));
	make_head("");
	put32(100, 103);
	TAP_CHECK(parse(&q));
	put32(100, 8192);
	TAP_CHECK(parse(&q));
	/* It never says that a name is there without having it whole. */
	for (n = bad = 0; n < 300000; n++) {
		size_t size = rnd(2) ? sizeof(head) : rnd(sizeof(head));
		uint8_t *copy;

		make_head(rnd(2) ? "sha256-x" : "");
		for (unsigned int k = rnd(6); k; k--)
			head[rnd(200)] = rnd(4) ? rnd(256) : 0xff;
		copy = malloc(size ? size : 1);
		memcpy(copy, head, size);
		if (!qcow2_parse(copy, size, &q))
			bad += strlen(q.backing) >= sizeof(q.backing) ||
			       strlen(q.backing_format) >= sizeof(q.backing_format);
		free(copy);
	}
	TAP_EQ(bad, 0);
}

/* --- frames --- */

static int pair[2];

static void put_raw(char type, uint32_t length, const void *data, size_t n)
{
	uint8_t b[5];

	length = htole32(length);
	memcpy(b, &length, 4);
	b[4] = type;
	if (write(pair[1], b, 5) != 5 || write(pair[1], data, n) != (ssize_t)n)
		abort();
}

static struct wire wire_new(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	said[0] = 0;
	return (struct wire){ .in = pair[0], .out = pair[0], .peer = "peer" };
}

static void wire_end(void)
{
	close(pair[0]);
	close(pair[1]);
}

static void test_frames(void)
{
	struct wire w = wire_new(), other;
	char text[] = "/tmp/test_store.XXXXXX", b[100000], c[100000];
	json_object *j;
	int fd = mkstemp(text), out = memfd_create("out", 0), i;

	unlink(text);
	put_raw('J', 8, "{\"a\":17}", 8);
	j = wire_ask(&w);
	TAP_CHECK(j && !*said);
	json_object_put(j);
	put_raw('J', 2, "[]", 2);
	TAP_CHECK(!wire_ask(&w) && *said);
	wire_end();

	w = wire_new();
	put_raw('X', 9, "no\x1b[31m!!", 9);
	TAP_CHECK(!wire_ask(&w) && !strcmp(said, "peer: no?[31m!!"));
	wire_end();

	w = wire_new();
	put_raw('J', 0xffffffff, "", 0);
	TAP_CHECK(!wire_ask(&w) && *said);
	wire_end();

	w = wire_new();
	put_raw('J', 100, "{", 1);
	close(pair[1]);
	TAP_CHECK(!wire_ask(&w) && strstr(said, "ended"));
	close(pair[0]);

	/* A file there and back, and as it should not come. */
	for (i = 0; i < (int)sizeof(b); i++)
		b[i] = i % 1000 ? rnd(256) : 0;
	if (pwrite(fd, b, sizeof(b), 0) != sizeof(b))
		abort();
	for (i = 0; i < 4; i++) {
		static const uint64_t sizes[] = { sizeof(b), sizeof(b) - 1, sizeof(b) + 1, 0 };
		int buffer = 1 << 20, got;

		w = wire_new();
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
		other = (struct wire){ .in = pair[1], .out = pair[1], .peer = "other" };
		TAP_CHECK(!wire_send_file(&other, fd, NULL));
		got = ftruncate(out, 0) || wire_get_file(&w, out, sizes[i], NULL);
		tap_ok(!got == !i, "a file of %zu bytes that was said to have %llu", sizeof(b),
		       (unsigned long long)sizes[i]);
		if (!i)
			TAP_CHECK(pread(out, c, sizeof(c), 0) == sizeof(c) && !memcmp(b, c, sizeof(b)));
		else
			TAP_CHECK(lseek(out, 0, SEEK_END) <= (off_t)sizes[i] + (off_t)0);
		wire_end();
	}
	w = wire_new();
	put_raw('D', 20, "this is not of zstd.", 20);
	TAP_CHECK(wire_get_file(&w, out, 10, NULL) && strstr(said, "zstd"));
	wire_end();
	w = wire_new();
	put_raw('J', 2, "{}", 2);
	TAP_CHECK(wire_get_file(&w, out, 10, NULL));
	wire_end();
	close(fd);
	close(out);
}

int main(void)
{
	test_names();
	test_index();
	test_bad_index();
	test_qcow2();
	test_frames();
	return tap_done();
}
