// SPDX-License-Identifier: GPL-2.0-only
/* test_balloon.c - the balloon of vhctl's VMM: which memory it gives back, what it tells, drivers that err. */
#include <linux/virtio_balloon.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vmm/balloon.h"
#include "vmm/control.h"

#define MEMORY		(64ULL << 20)
#define SLOT		1
#define LIST		DRIVER_DATA		/* of pages */
#define FIGURES		(DRIVER_DATA + 0x10000)
#define PAGES		(DRIVER_DATA + 0x100000)
#define PAGE		4096
#define ALL		(1u << VIRTIO_BALLOON_F_STATS_VQ | 1u << VIRTIO_BALLOON_F_DEFLATE_ON_OOM | \
			 1u << VIRTIO_BALLOON_F_PAGE_POISON | 1u << VIRTIO_BALLOON_F_REPORTING)

static void fill(void)
{
	memset(driver_at(PAGES), 0xaa, 64 * PAGE);
}

static bool full(int page, int value)
{
	const uint8_t *p = driver_at(PAGES + page * PAGE);

	for (int i = 0; i < PAGE; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void inflate(const int *pages, int n)
{
	uint32_t *list = driver_at(LIST);
	struct vring_desc d[] = { OUT(LIST, 4), OUT(LIST + 4, n * 4 - 4) };

	for (int i = 0; i < n; i++)
		list[i] = PAGES / PAGE + pages[i];
	driver_add(SLOT, 0, d, n > 1 ? 2 : 1);
}

static struct json_object *ask(const char *text)
{
	struct json_object *request = json_tokener_parse(text), *answer = json_object_new_object();

	balloon_command(&driver_vm, request, answer);
	json_object_put(request);
	return answer;
}

static uint64_t figure(const char *text, const char *key)
{
	struct json_object *answer = ask(text), *o;
	uint64_t value = json_object_object_get_ex(answer, key, &o) ? json_object_get_uint64(o) : ~0ULL;

	json_object_put(answer);
	return value;
}

static bool fails(const char *text)
{
	struct json_object *answer = ask(text);
	bool failed = json_object_object_get_ex(answer, "error", NULL);

	json_object_put(answer);
	return failed;
}

static void pages(void)
{
	static const int up[] = { 3, 4, 5 }, down[] = { 12, 11, 10 }, mixed[] = { 20, 22, 21, 30, 30, 20 };
	uint64_t before;

	TAP_CHECK(driver_start(SLOT, ALL, 4));
	fill();
	before = figure("{}", "returned");
	inflate(up, 3);
	TAP_CHECK(driver_done(0));
	inflate(down, 3);
	TAP_CHECK(driver_done(0));
	inflate(mixed, 6);
	TAP_CHECK(driver_done(0));
	for (int i = 0; i < 40; i++) {
		bool gone = (i >= 3 && i <= 5) || (i >= 10 && i <= 12) || (i >= 20 && i <= 22) || i == 30;

		if (!full(i, gone ? 0 : 0xaa))
			tap_ok(0, "page %d is %s", i, gone ? "still there" : "lost");
	}
	TAP_EQ(figure("{}", "returned") - before, 12 * PAGE);
	/* what is taken back is the guest's as ever */
	memset(driver_at(PAGES + 3 * PAGE), 0x55, PAGE);
	driver_add(SLOT, 1, (struct vring_desc[]){ OUT(LIST, 4) }, 1);
	TAP_CHECK(driver_done(1) && full(3, 0x55));

	/* reports: whole pages of what is named */
	fill();
	driver_add(SLOT, 3, (struct vring_desc[]){ IN(PAGES + PAGE, 2 * PAGE), IN(PAGES + 8 * PAGE + 1, 2 * PAGE) }, 2);
	TAP_CHECK(driver_done(3));
	TAP_CHECK(full(0, 0xaa) && full(1, 0) && full(2, 0) && full(3, 0xaa));
	TAP_CHECK(full(8, 0xaa) && full(9, 0) && full(10, 0xaa));
	/* a guest that poisons free pages finds them poisoned */
	fill();
	driver_bar(SLOT, 0x2000 + 12, 4, true, 0xaaaaaaaa);
	driver_add(SLOT, 3, (struct vring_desc[]){ IN(PAGES, 4 * PAGE) }, 1);
	TAP_CHECK(driver_done(3) && full(0, 0xaa) && full(3, 0xaa));
	/* without figures Linux has its reports in the queue before */
	TAP_CHECK(driver_start(SLOT, 1u << VIRTIO_BALLOON_F_REPORTING, 3));
	driver_add(SLOT, 2, (struct vring_desc[]){ IN(PAGES, PAGE) }, 1);
	TAP_CHECK(driver_done(2) && full(0, 0) && full(1, 0xaa));
	/* and who has not asked for reports gets nothing taken away */
	TAP_CHECK(driver_start(SLOT, 0, 4));
	driver_add(SLOT, 3, (struct vring_desc[]){ IN(PAGES + PAGE, PAGE) }, 1);
	TAP_CHECK(driver_done(3) && full(1, 0xaa));
}

static void errs(const char *what, const char *words, int q, const struct vring_desc *d, int n)
{
	TAP_CHECK(driver_start(SLOT, ALL, 4));
	driver_add(SLOT, q, d, n);
	tap_ok(driver_breaks(SLOT, words), "%s needs a reset, and is told", what);
}

static void bad_drivers(void)
{
	uint32_t *list = driver_at(LIST);

	list[0] = MEMORY / PAGE;
	errs("a page behind memory", "is not memory", 0, (struct vring_desc[]){ OUT(LIST, 4) }, 1);
	list[0] = ~0u;
	errs("a page of no memory", "is not memory", 0, (struct vring_desc[]){ OUT(LIST, 4) }, 1);
	errs("half a page number", "is odd", 0, (struct vring_desc[]){ OUT(LIST, 6) }, 1);
	errs("a list without end", "too long", 0, (struct vring_desc[]){ OUT(LIST, 0x200000), OUT(LIST, 0x200000) }, 2);
	errs("a buffer of no memory", "not in memory", 3, (struct vring_desc[]){ IN(MEMORY - PAGE, 2 * PAGE) }, 1);
	TAP_CHECK(driver_start(SLOT, ALL, 4));
	driver_add(SLOT, 2, (struct vring_desc[]){ OUT(FIGURES, 10) }, 1);
	driver_add(SLOT, 2, (struct vring_desc[]){ OUT(FIGURES, 10) }, 1);
	TAP_CHECK(driver_breaks(SLOT, "more than one buffer"));
	TAP_CHECK(driver_reset(SLOT));
}

static uint64_t shown;

static void *show(void *arg)
{
	struct json_object *answer = ask("{}"), *guest, *o;

	(void)arg;
	if (json_object_object_get_ex(answer, "guest", &guest) && json_object_object_get_ex(guest, "free", &o))
		shown = json_object_get_uint64(o);
	json_object_put(answer);
	return NULL;
}

static void statistics(void)
{
	struct virtio_balloon_stat *s = driver_at(FIGURES);
	struct vring_desc d = OUT(FIGURES, 3 * sizeof(*s));
	pthread_t asking;

	TAP_CHECK(driver_start(SLOT, ALL, 4));
	s[0] = (struct virtio_balloon_stat){ VIRTIO_BALLOON_S_MEMFREE, 1000 };
	s[1] = (struct virtio_balloon_stat){ 60000, 1 };
	s[2] = (struct virtio_balloon_stat){ VIRTIO_BALLOON_S_MEMTOT, ~0ULL };
	driver_add(SLOT, 2, &d, 1);
	pthread_create(&asking, NULL, show, NULL);
	/* the buffer comes back, as news are wanted */
	TAP_CHECK(driver_done(2));
	s[0].val = 2000;
	driver_add(SLOT, 2, &d, 1);
	pthread_join(asking, NULL);
	/* who asked before the first was taken has that */
	TAP_CHECK(shown == 2000 || shown == 1000);
	/* of one that does not answer: what it said last */
	show(NULL);
	TAP_EQ(shown, 2000);
	/* with a reset they are gone */
	TAP_CHECK(driver_reset(SLOT));
	shown = 0;
	show(NULL);
	TAP_EQ(shown, 0);
}

static void sizes(void)
{
	TAP_CHECK(driver_start(SLOT, ALL, 4));
	driver_bar(SLOT, 0x1000, 1, false, 0);
	TAP_EQ(driver_bar(SLOT, 0x2000, 4, false, 0), 0);
	TAP_EQ(figure("{\"size\":50331648}", "target"), 48 << 20);
	TAP_EQ(driver_bar(SLOT, 0x2000, 4, false, 0), (16 << 20) / PAGE);
	TAP_EQ(driver_bar(SLOT, 0x1000, 1, false, 0) & 2, 2);	/* told so */
	driver_bar(SLOT, 0x2000 + 4, 4, true, (4 << 20) / PAGE);
	TAP_EQ(figure("{}", "actual"), 60 << 20);
	driver_bar(SLOT, 0x2000 + 4, 4, true, ~0u);
	TAP_EQ(figure("{}", "actual"), 0);
	/* the target is not the driver's */
	driver_bar(SLOT, 0x2000, 4, true, 5);
	TAP_EQ(figure("{}", "target"), 48 << 20);
	TAP_CHECK(fails("{\"size\":67108865}") && fails("{\"size\":-1}") && fails("{\"size\":1000}"));
	TAP_CHECK(fails("{\"size\":\"48M\"}") && fails("{\"size\":null}") && fails("{\"size\":1e30}"));
	TAP_EQ(figure("{\"size\":67108864}", "target"), MEMORY);
	TAP_CHECK(driver_reset(SLOT));
	TAP_EQ(figure("{}", "actual"), MEMORY);
}

static uint64_t state = 1;

static uint32_t next(uint32_t n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

/* Whatever a driver makes of it, there is a reset. */
static void at_random(void)
{
	int started = 0;

	for (int i = 0; i < 300; i++) {
		if (!driver_start(SLOT, ALL & next(~0u), 1 + next(5)))
			break;
		started++;
		for (int k = next(8); k; k--) {
			struct vring_desc d[3];

			for (int j = 0; j < 3; j++)
				d[j] = (struct vring_desc){ next(5) ? LIST + next(0x3000) : next(~0u), next(4) ? next(64) * 4 :
					next(100000), next(2) ? VRING_DESC_F_WRITE : 0, 0 };
			driver_add(SLOT, next(5), d, 1 + next(3));
		}
	}
	TAP_EQ(started, 300);
	TAP_CHECK(driver_reset(SLOT));
}

int main(void)
{
	driver_begin(MEMORY);
	TAP_CHECK(fails("{}"));		/* there is none yet */
	if (balloon_create(&driver_vm) || threads_start(&driver_vm))
		return 1;
	pages();
	bad_drivers();
	statistics();
	sizes();
	at_random();
	balloon_finish();
	return tap_done();
}
