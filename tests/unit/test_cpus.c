// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cpus.c - vCPUs that come and go: the registers, the command, what their threads do, and guests that eject what
 * they like.
 */
#include <errno.h>
#include <linux/vh.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/cpus.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define MOST	40

static struct vmm vmm;
static struct vmm_config cfg = { .name = "web", .cpus = 2, .cpus_max = MOST };
static int events, makes, resets, most = MOST, complaints;
static bool slow, stuck;
static int kept_out[MOST];
static bool runs[MOST], out[MOST];	/* a thread is in the guest; is to leave it */

/* --- what is called --- */

void error(const char *fmt, ...)
{
	complaints += strstr(fmt, "by itself") != NULL;
}

void error_capture(char *text, size_t size)
{
	(void)text, (void)size;
}

void pm_event(struct pm *pm, int gpe)
{
	(void)pm;
	events += gpe == GPE_CPU;
}

int vcpu_make(struct vmm_vcpu *c)
{
	(void)c;
	if (slow)
		sleep(9);
	if (makes == most)
		return EDQUOT;
	makes++;
	return 0;
}

void vcpu_reset(struct vmm_vcpu *c)
{
	__atomic_fetch_add(&resets, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&out[c->id], false, __ATOMIC_SEQ_CST);
}

void vcpu_kick(struct vmm_vcpu *c)
{
	__atomic_store_n(&out[c->id], true, __ATOMIC_SEQ_CST);
}

/* As vcpu.c has it. */
static void *thread(void *arg)
{
	struct vmm_vcpu *c = arg;

	while (!__atomic_load_n(&vmm.stopping, __ATOMIC_ACQUIRE)) {
		if (cpus_absent(c)) {
			if (!cpus_park(c))
				break;
			continue;
		}
		/* as immediate_exit: it does not get in; at most once for a kick */
		if (__atomic_load_n(&out[c->id], __ATOMIC_SEQ_CST)) {
			if (++kept_out[c->id] > 100)
				__atomic_store_n(&stuck, true, __ATOMIC_SEQ_CST);
			continue;
		}
		kept_out[c->id] = 0;
		__atomic_store_n(&runs[c->id], true, __ATOMIC_SEQ_CST);
		while (!__atomic_load_n(&out[c->id], __ATOMIC_SEQ_CST))
			usleep(100);
		__atomic_store_n(&runs[c->id], false, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* --- guest and user --- */

static uint32_t reg(int at, int len, bool write, uint64_t value)
{
	bus_access(&vmm.bus, BUS_PORTS, CPUS_PORT + at, &value, len, write);
	return value;
}

static uint32_t get(int at) { return reg(at, 4, false, 0); }
static void eject(uint32_t n) { reg(CPUS_EJECT, 4, true, n); }
static void ost(uint32_t n, uint32_t status) { reg(CPUS_STATUS, 4, true, status << 8 | n); }

static struct json_object *ask(const char *text)
{
	struct json_object *request = json_tokener_parse(text), *answer = json_object_new_object();

	cpus_command(&vmm, request, answer);
	json_object_put(request);
	return answer;
}

static int figure(const char *key)
{
	struct json_object *answer = ask("{}"), *o;
	int value = json_object_object_get_ex(answer, key, &o) ? json_object_get_int(o) : -1;

	json_object_put(answer);
	return value;
}

static bool set(int n)
{
	struct json_object *answer;
	char text[40];
	bool good;

	snprintf(text, sizeof(text), "{\"count\":%d}", n);
	answer = ask(text);
	good = !json_object_object_get_ex(answer, "error", NULL);
	json_object_put(answer);
	return good;
}

static bool fails(const char *text)
{
	struct json_object *answer = ask(text);
	bool failed = json_object_object_get_ex(answer, "error", NULL);

	json_object_put(answer);
	return failed;
}

static int running(void)
{
	int n = 0;

	for (int i = 0; i < MOST; i++)
		n += __atomic_load_n(&runs[i], __ATOMIC_SEQ_CST);
	return n;
}

static bool run_soon(int n)
{
	for (int i = 0; i < 5000 && running() != n; i++)
		usleep(1000);
	return running() == n;
}

static void come_and_go(void)
{
	TAP_EQ(get(CPUS_PRESENT), 3);
	TAP_EQ(get(CPUS_PRESENT + 4), 0);
	TAP_CHECK(set(35) && events == 1 && makes == 33);
	TAP_EQ(get(CPUS_PRESENT), ~0u);
	TAP_EQ(get(CPUS_PRESENT + 4), 7);
	TAP_EQ(get(CPUS_ADDED), ~3u);
	TAP_EQ(get(CPUS_ADDED), 0);		/* it was taken */
	TAP_EQ(get(CPUS_ADDED + 4), 7);
	TAP_CHECK(run_soon(35));
	TAP_EQ(resets, 33);
	TAP_CHECK(set(35) && events == 1);	/* nothing is to be told */
	/* the highest are to go; the guest is not waited for */
	TAP_CHECK(set(33) && events == 2);
	TAP_EQ(figure("target"), 33);
	TAP_EQ(figure("actual"), 35);
	TAP_EQ(get(CPUS_WANTED), 0);
	TAP_EQ(get(CPUS_WANTED + 4), 6);
	TAP_EQ(get(CPUS_WANTED + 4), 0);
	ost(34, 0x84);				/* it is at it */
	TAP_EQ(figure("refused"), 0);
	ost(34, 0x81);
	TAP_EQ(figure("refused"), 1);
	TAP_CHECK(set(33));			/* it is asked once more */
	TAP_EQ(figure("refused"), 0);
	TAP_EQ(get(CPUS_WANTED + 4), 6);
	eject(34);
	eject(33);
	TAP_EQ(complaints, 0);
	TAP_EQ(figure("actual"), 33);
	TAP_EQ(figure("charged"), 35);
	TAP_CHECK(run_soon(33));
	/* it comes back as it was made */
	TAP_CHECK(set(34) && makes == 33);
	TAP_EQ(get(CPUS_ADDED + 4), 2);
	TAP_CHECK(run_soon(34));
	/* what was asked for is not any more */
	TAP_CHECK(set(32));
	TAP_CHECK(set(33));
	TAP_EQ(get(CPUS_WANTED), 0);
	TAP_EQ(get(CPUS_WANTED + 4), 2);
	eject(33);
	eject(32);				/* it lets go of that one, too */
	TAP_EQ(complaints, 1);
	TAP_EQ(figure("target"), 32);
	TAP_CHECK(run_soon(32));
	/* one that goes before the guest has heard of it */
	TAP_CHECK(set(33));
	eject(32);
	TAP_EQ(get(CPUS_ADDED + 4), 0);
	TAP_CHECK(set(2));
	for (int n = 31; n > 1; n--)
		eject(n);
	TAP_CHECK(run_soon(2));
	TAP_EQ(get(CPUS_WANTED), 0);
}

static void bad_guests(void)
{
	static const uint32_t none[] = { 0, 2, 31, 32, MOST, 63, 64, 255, 256, 257, 0x10001, 0x80000001, ~0u };

	for (unsigned int i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		eject(none[i]);
	TAP_EQ(get(CPUS_PRESENT), 3);
	reg(CPUS_EJECT, 1, true, 1);
	reg(CPUS_EJECT, 2, true, 1);
	reg(CPUS_EJECT + 1, 1, true, 1);
	reg(CPUS_PRESENT, 4, true, ~0u);
	reg(CPUS_ADDED, 4, true, ~0u);
	TAP_EQ(get(CPUS_PRESENT), 3);
	TAP_EQ(get(CPUS_ADDED), 0);
	for (uint32_t n = 0; n < 300; n++)
		ost(n, 0x81);
	TAP_EQ(figure("refused"), 0);		/* nobody asked */
	eject(1);
	TAP_CHECK(run_soon(1));
	TAP_CHECK(set(2) && run_soon(2));
	for (int i = 0; i < 50; i++) {
		eject(1);
		set(2);
	}
	TAP_CHECK(run_soon(2));
	TAP_CHECK(complaints <= 10);
	TAP_CHECK(!__atomic_load_n(&stuck, __ATOMIC_SEQ_CST));
}

static void limits(void)
{
	struct json_object *answer, *o;

	TAP_CHECK(fails("{\"count\":0}") && fails("{\"count\":41}") && fails("{\"count\":-1}") && fails("{\"count\":\"2\"}"));
	TAP_CHECK(fails("{\"count\":1e30}") && fails("{\"count\":null}") && fails("{\"count\":4294967298}"));
	get(CPUS_ADDED);
	most = makes + 1;
	answer = ask("{\"count\":40}");
	TAP_CHECK(json_object_object_get_ex(answer, "error", NULL) && json_object_object_get_ex(answer, "resource", &o) &&
		  json_object_get_int(o) == VH_RES_VCPUS);
	json_object_put(answer);
	TAP_EQ(figure("actual"), 2);		/* none has come, though one was made */
	TAP_EQ(figure("charged"), 36);
	TAP_EQ(get(CPUS_ADDED), 0);
	TAP_CHECK(set(36) && run_soon(36));
	most = MOST;
	/* a kernel that takes its time */
	slow = true;
	TAP_CHECK(!set(37));
	TAP_EQ(figure("actual"), 36);
	slow = false;
	sleep(2);
	TAP_CHECK(set(37) && run_soon(37));
}

int main(void)
{
	vmm.cfg = &cfg;
	bus_init(&vmm.bus);
	cpus_create(&vmm);
	for (int i = 0; i < MOST; i++) {
		vmm.cpu[i] = (struct vmm_vcpu){ .vmm = &vmm, .id = i, .made = i < 2, .present = i < 2 };
		pthread_create(&vmm.cpu[i].thread.id, NULL, thread, &vmm.cpu[i]);
	}
	TAP_CHECK(run_soon(2));
	come_and_go();
	bad_guests();
	limits();
	__atomic_store_n(&vmm.stopping, true, __ATOMIC_RELEASE);
	for (int i = 0; i < MOST; i++)
		vcpu_kick(&vmm.cpu[i]);
	cpus_wake(&vmm);
	for (int i = 0; i < MOST; i++)
		pthread_join(vmm.cpu[i].thread.id, NULL);
	TAP_CHECK(!running());
	return tap_done();
}
