// SPDX-License-Identifier: GPL-2.0-only
/* Many VMs at once: events against what happened, dumps while they come and go. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define WORKERS		6
#define EACH		50		/* 300 VMs */
#define MAX_ID		65536

/* What a worker says it did. */
enum { DID_CREATE = 1, DID_RUN = 2, DID_PAUSE = 4, DID_RENAME = 8, DID_CLOSE = 16 };

struct log { uint32_t id; uint32_t did; };

static void worker(struct log *log, unsigned int seed)
{
	static const uint8_t code[] = { 0xe6, 0x81 };
	struct vm vm[8];
	unsigned int i, live = 0, at[8];
	struct conn c;
	char name[32];

	conn_open(&c);
	for (i = 0; i < EACH; i++) {
		struct vm_info info;

		if (live == 8) {
			live--;
			vm_destroy(&vm[live]);
			log[at[live]].did |= DID_CLOSE;
		}
		seed = seed * 1103515245 + 12345;
		at[live] = i;
		vm_with_code(&vm[live], code, sizeof(code), 0);
		log[i].id = id_of(&vm[live]);
		log[i].did = DID_CREATE;
		if (seed >> 16 & 1) {
			if (vcpu_run(&vm[live].vcpu[0]))
				_exit(1);
			log[i].did |= DID_RUN;
		}
		if (seed >> 17 & 1) {
			if (vm_command(&c, VH_CMD_VM_PAUSE, log[i].id) ||
			    vm_command(&c, VH_CMD_VM_RESUME, log[i].id))
				_exit(2);
			log[i].did |= DID_PAUSE;
		}
		if (seed >> 18 & 1) {
			snprintf(name, sizeof(name), "n%u.%u", seed & 0xffff, log[i].id);
			if (vm_rename(&c, log[i].id, name))
				_exit(3);
			log[i].did |= DID_RENAME;
		}
		if (get_vm(&c, log[i].id, &info) || info.id != log[i].id)
			_exit(4);
		live++;
	}
	/* the rest goes with the process, half of which are killed */
	if (seed >> 19 & 1)
		kill(getpid(), SIGKILL);
	_exit(0);
}

static void events(struct tap_result *r, const void *arg)
{
	struct log (*logs)[EACH] = mmap(NULL, sizeof(*logs) * WORKERS, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static uint32_t seen[MAX_ID];		/* bits of event types */
	unsigned int w, i, n = 0, destroyed = 0;
	struct event_info e;
	struct conn c, dumps;
	uint64_t seq = 0;
	int status, before;

	(void)arg;
	conn_open(&c);
	conn_open(&dumps);
	/* What has this id or a lower one was there before: processes of other cases may still be ending. */
	before = vm_define(&c, kvm_open(), NULL, 0, 0, -1, -1);
	WANT(before > 0, "no VM: %d", before);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, before), 0);
	WANT_EQ(events_ask(&c), 0);
	fflush(stdout);
	for (w = 0; w < WORKERS; w++)
		if (!fork())
			worker(logs[w], 4711 + w);
	while (destroyed < WORKERS * EACH && event_next(&c, &e, 10000)) {
		uint32_t *s = &seen[e.vm % MAX_ID], bit = 1u << e.type;

		WANT(e.seq == ++seq, "event %llu comes as number %llu", (long long)e.seq,
		     (long long)seq);
		if (e.has_vm && (int)e.vm <= before)
			continue;
		n++;
		WANT(e.has_vm && e.vm < MAX_ID, "an event of no VM: type %u", e.type);
		WANT(!(*s & bit), "VM %u: event %u twice", e.vm, e.type);
		WANT(e.type == VH_EVENT_CREATED ? !*s : *s & 1 << VH_EVENT_CREATED,
		     "VM %u: event %u out of order", e.vm, e.type);
		WANT(!(*s & 1 << VH_EVENT_DESTROYED), "VM %u: event %u after its end", e.vm, e.type);
		WANT(e.type != VH_EVENT_RESUMED || *s & 1 << VH_EVENT_PAUSED, "resumed, not paused");
		*s |= bit;
		destroyed += e.type == VH_EVENT_DESTROYED;
	}
	for (w = 0; w < WORKERS; w++) {
		wait(&status);
		WANT(WIFSIGNALED(status) || !WEXITSTATUS(status), "a worker ended with %#x", status);
	}
	WANT_EQ(destroyed, WORKERS * EACH);
	for (w = 0; w < WORKERS; w++)
		for (i = 0; i < EACH; i++) {
			uint32_t did = logs[w][i].did, want = 1 << VH_EVENT_CREATED | 1 << VH_EVENT_DESTROYED;

			if (did & DID_RUN)
				want |= 1 << VH_EVENT_STARTED;
			if (did & DID_PAUSE)
				want |= 1 << VH_EVENT_PAUSED | 1 << VH_EVENT_RESUMED;
			if (did & DID_RENAME)
				want |= 1 << VH_EVENT_RENAMED;
			WANT(seen[logs[w][i].id] == want, "VM %u: events %#x, not %#x",
			     logs[w][i].id, seen[logs[w][i].id], want);
			seen[logs[w][i].id] = 0;
		}
	for (i = 0; i < MAX_ID; i++)
		WANT(!seen[i], "invented: VM %u, events %#x", i, seen[i]);
	printf("# %u events of %u VMs\n", n, destroyed);
}

/* --- dumps --- */

#define STABLE	1000
#define COMING	1000

struct seen { uint32_t last; unsigned int n, stable; uint8_t mark[MAX_ID]; bool disorder; };

static void see(const struct nlattr *a, int len, int cmd, void *arg)
{
	uint32_t id = attr_u(a, len, VH_A_VM_ID);
	struct seen *s = arg;

	(void)cmd;
	s->disorder |= id <= s->last;
	s->last = id;
	s->n++;
	s->stable += id < MAX_ID && s->mark[id];
}

static void dumps(struct tap_result *r, const void *arg)
{
	static struct seen s;
	static uint32_t stable[STABLE];
	unsigned int i, rounds;
	struct conn c;
	int id, dev = kvm_open();
	pid_t pid;

	(void)arg;
	conn_open_small(&c, 8192);	/* what an answer needs: as many restarts as can be */
	for (i = 0; i < STABLE; i++) {
		id = vm_define(&c, dev, NULL, 1, 0, -1, -1);
		WANT(id > 0 && id < MAX_ID, "create: %d", id);
		stable[i] = id;
		s.mark[id] = 1;
	}
	pid = fork();
	if (!pid) {
		int ids[COMING] = { 0 }, n = 0;
		struct conn mine;
		unsigned int seed = 1;

		conn_open(&mine);
		for (;;) {
			seed = seed * 1103515245 + 12345;
			n = (seed >> 8) % COMING;
			if (ids[n]) {
				vm_command(&mine, VH_CMD_VM_DESTROY, ids[n]);
				ids[n] = 0;
			} else {
				ids[n] = vm_define(&mine, dev, NULL, 1, 0, -1, -1);
			}
			if (getppid() == 1)
				_exit(0);
			/* told to end: leave nothing behind */
			if (access("/tmp/dumps-end", F_OK) == 0) {
				for (n = 0; n < COMING; n++)
					if (ids[n] > 0)
						vm_command(&mine, VH_CMD_VM_DESTROY, ids[n]);
				_exit(0);
			}
		}
	}
	usleep(200000);
	for (rounds = 0; rounds < 8; rounds++) {
		s.last = s.n = s.stable = 0;
		s.disorder = false;
		msg_begin(&c, VH_CMD_VM_GET, NLM_F_DUMP);
		WANT_EQ(msg_send(&c, see, &s), 0);
		WANT(!s.disorder, "ids do not ascend");
		WANT_EQ(s.stable, STABLE);
		usleep(10000);
	}
	fclose(fopen("/tmp/dumps-end", "w"));
	waitpid(pid, NULL, 0);
	unlink("/tmp/dumps-end");
	for (i = 0; i < STABLE; i++)
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, stable[i]), 0);
	printf("# %u VMs in the last dump\n", s.n);
	WANT(s.n > STABLE, "nothing came and went");
}

/* --- what strangers have does not make one's own dearer --- */

enum { CREATE, DEFINE, RENAME, GROUP, NR_COSTS };
static const char *const costs[] = { "KVM_CREATE_VM", "VM_CREATE", "VM_SET", "GROUP_GET" };

/* Instructions of each, the least of 5 tries: what others' interrupts add is left out. */
static void measure(struct conn *c, int dir, uint64_t *cost)
{
	struct group_info g;
	int dev = kvm_open(), i, k, fd, id;
	char name[20];

	for (k = 0; k < NR_COSTS; k++)
		cost[k] = ~0ULL;
	for (i = 0; i < 5; i++) {
		uint64_t t[NR_COSTS + 1];

		snprintf(name, sizeof(name), "scale%d", i);
		usleep(50000);	/* events of before are sent */
		t[0] = rdtsc();
		fd = ioctl(dev, KVM_CREATE_VM, 0);
		t[1] = rdtsc();
		id = vm_define(c, dev, NULL, 1, 4096, -1, -1);
		t[2] = rdtsc();
		vm_rename(c, id, name);
		t[3] = rdtsc();
		get_group(c, dir, &g);
		t[4] = rdtsc();
		for (k = 0; k < NR_COSTS; k++)
			if (t[k + 1] - t[k] < cost[k])
				cost[k] = t[k + 1] - t[k];
		close(fd);
		vm_command(c, VH_CMD_VM_DESTROY, id);
	}
}

#define MOST	1000

static void scale(struct tap_result *r, const void *arg)
{
	static const unsigned int counts[] = { 10, 100, MOST };
	static struct conn listeners[MOST / 4];
	static int id[MOST];
	uint64_t cost[3][NR_COSTS];
	unsigned int n = 0, sockets = 0, i, k;
	int dir = cgroup_make("mine"), dev = kvm_open();
	struct conn c;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < 3; i++) {
		for (; n < counts[i]; n++) {
			cgroup_enter(".");
			id[n] = vm_define(&c, dev, NULL, 0, 0, -1, -1);
			WANT(id[n] > 0, "%d", id[n]);
		}
		for (; sockets < counts[i] / 4; sockets++) {
			conn_open(&listeners[sockets]);
			WANT_EQ(events_ask(&listeners[sockets]), 0);
		}
		cgroup_enter("mine");
		measure(&c, dir, cost[i]);
		for (k = 0; k < NR_COSTS; k++)
			printf("# %4u records, %3u sockets: %s %llu\n", n, sockets, costs[k],
			       (long long)cost[i][k]);
	}
	fflush(stdout);
	for (k = 0; k < NR_COSTS; k++)
		WANT(cost[2][k] < cost[0][k] * 3 / 2 + 20000, "%s: %llu with %u, %llu with %u", costs[k],
		     (long long)cost[0][k], counts[0], (long long)cost[2][k], counts[2]);
	for (i = 0; i < sockets; i++)
		conn_close(&listeners[i]);
	for (i = 0; i < n; i++)
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id[i]), 0);
	cgroup_enter(".");
	cgroup_remove("mine");
}

/* --- a name that many others use --- */

#define NAMESAKES 400

static uint64_t ask_by_name(struct conn *c, const char *name, int *err)
{
	uint64_t best = ~0ull, at;
	int i;

	for (i = 0; i < 5; i++) {
		at = rdtsc();
		msg_begin(c, VH_CMD_VM_GET, 0);
		msg_str(c, VH_A_VM_NAME, name);
		*err = msg_send(c, NULL, NULL);
		at = rdtsc() - at;
		if (at < best)
			best = at;
	}
	return best;
}

struct asked { uint64_t cost; int err; };

static void ask_for_web(struct tap_result *r, void *arg)
{
	struct asked *a = arg;
	struct conn c;

	(void)r;
	conn_open(&c);
	a->cost = ask_by_name(&c, "web", &a->err);
	conn_close(&c);
}

static void define_web(struct tap_result *r, void *arg)
{
	struct conn c;

	(void)arg;
	conn_open(&c);
	WANT(vm_define(&c, kvm_open(), "web", 0, 0, -1, -1) > 0, "create");
	conn_close(&c);
}

static void namesakes(struct tap_result *r, const void *arg)
{
	struct asked *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static const struct { unsigned int uid; const char *who; int err; } who[] = {
		{ 1001, "a stranger", -ENOENT }, { 0, "root", -ENOTUNIQ }, { 2000, "an owner", 0 },
	};
	uint64_t few[3] = { 0 };
	unsigned int i, k;
	struct conn c;

	(void)arg;
	conn_open(&c);
	kvm_open();
	for (i = 0; i < NAMESAKES; i++) {
		in_child(r, 2000 + i, define_web, NULL);
		if (i != 4 && i != NAMESAKES - 1)
			continue;
		for (k = 0; k < 3; k++) {
			in_child(r, who[k].uid, ask_for_web, a);
			WANT(a->err == who[k].err, "%s: %d", who[k].who, a->err);
			if (i == 4)
				few[k] = a->cost;
			WANT(a->cost < few[k] * 3 / 2 + 5000, "%s: %llu instructions beside 5 VMs of the name, "
			     "%llu beside %u", who[k].who, (long long)few[k], (long long)a->cost, i + 1);
		}
	}
	for (i = 0; i < NAMESAKES; i++) {
		struct vm_info vm = { 0 };

		msg_begin(&c, VH_CMD_VM_GET, NLM_F_DUMP);
		if (msg_send(&c, vm_from, &vm) || !vm.found || vm_command(&c, VH_CMD_VM_DESTROY, vm.id))
			break;
	}
	munmap(a, 4096);
}

/* --- a VMM of many threads --- */

static void *sleeps(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* On the debug build: whoever kills it, or asks for it, holds no lock while all threads are gone over. */
static void threads(struct tap_result *r, const void *arg)
{
	uint32_t *id = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t small;
	struct vm_info info;
	int status = 0, i;
	struct conn c;
	pthread_t t;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct vm vm;

		vm_create(&vm, 1 << 20, 0);
		pthread_attr_init(&small);
		pthread_attr_setstacksize(&small, 1 << 18);
		for (i = 0; i < 1000; i++) {
			status = pthread_create(&t, &small, sleeps, NULL);
			if (status) {
				printf("# thread %d: %s\n", i, strerror(status));
				fflush(stdout);
				_exit(3);
			}
		}
		*(volatile uint32_t *)id = id_of(&vm);
		pause();
	}
	for (i = 0; i < 10000 && !*(volatile uint32_t *)id; i++)
		usleep(1000);
	WANT(*id, "it does not begin: %d %#x", waitpid(pid, &status, WNOHANG), status);
	WANT_EQ(get_vm(&c, *id, &info), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, *id), 0);
	WANT_EQ(waitpid(pid, &status, 0), pid);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the VMM ended with %#x", status);
	munmap(id, 4096);
}

/* --- one who asks for much, and has little of a processor --- */

#define WALKED 16		/* VMs of so many vCPUs: */
#define WALKED_VCPUS 60

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void ask_on(struct tap_result *r, void *arg)
{
	struct group_info g;
	struct conn c;

	(void)r;
	conn_open(&c);
	while (!get_group(&c, *(int *)arg, &g))
		;
}

/* His cgroup keeps him from going on when he is in the middle of it. */
static void walks(struct tap_result *r, const void *arg)
{
	uint64_t worst = 0, at;
	struct rlimit files = { 4096, 4096 };
	int root = cgroup_make("."), fd[WALKED][1 + WALKED_VCPUS];
	struct group_info g;
	struct conn c;
	unsigned int i, k;
	pid_t slow;

	(void)arg;
	conn_open(&c);
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < WALKED; i++) {
		fd[i][0] = ioctl(kvm_open(), KVM_CREATE_VM, 0);
		WANT(fd[i][0] >= 0, "VM %u", i);
		for (k = 0; k < WALKED_VCPUS; k++) {
			fd[i][1 + k] = ioctl(fd[i][0], KVM_CREATE_VCPU, k);
			WANT(fd[i][1 + k] >= 0, "vCPU %u", k);
		}
	}
	slow_make("2000 200000");
	fflush(stdout);
	slow = fork();
	if (!slow) {
		cgroup_enter("slow");
		in_child(r, 1000, ask_on, &root);
		_exit(0);
	}
	usleep(400000);
	for (i = 0; i < 60; i++) {
		at = now_us();
		WANT_EQ(get_group(&c, root, &g), 0);
		at = now_us() - at;
		if (at > worst)
			worst = at;
		usleep(7000);
	}
	printf("# at worst %llu us\n", (long long)worst);
	WANT(worst < 40000, "figures after %llu us", (long long)worst);
	slow_released();
	cgroup_write("slow", "cgroup.kill", "1");
	waitpid(slow, NULL, 0);
	for (i = 0; i < WALKED; i++)
		for (k = 0; k <= WALKED_VCPUS; k++)
			close(fd[i][k]);
	conn_close(&c);
	close(root);
	slow_remove();
}

/* --- cgroups that come and go --- */

#define NAMED	1500

/* What is kept of cgroups that somebody named, and that are gone, does not grow with them. */
static void cgroups(struct tap_result *r, const void *arg)
{
	int i, n, most = 0, fd;
	struct group_info g;
	struct conn c;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < NAMED; i++) {
		fd = cgroup_make("named");
		WANT_EQ(get_group_at_once(&c, fd, &g), 0);
		close(fd);
		cgroup_remove("named");
		if (i % 50)
			continue;
		n = dump_count(&c, VH_CMD_GROUP_GET);
		WANT(n > 0, "a dump: %d", n);
		if (n > most)
			most = n;
	}
	printf("# at most %d groups\n", most);
	fflush(stdout);
	WANT(most < 250, "%d groups, of %d cgroups that came and went", most, NAMED);
	conn_close(&c);
}

const struct test_case many_cases[] = {
	{ "many-events", events, NULL },
	{ "many-dumps", dumps, NULL },
	{ "many-scale", scale, NULL },
	{ "many-namesakes", namesakes, NULL },
	{ "many-threads", threads, NULL },
	{ "many-walks", walks, NULL },
	{ "many-cgroups", cgroups, NULL },
	{ NULL, NULL, NULL }
};
