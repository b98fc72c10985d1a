// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static void path_of(char *to, size_t size, const char *path, const char *file)
{
	snprintf(to, size, CGROUP "/%s%s%s", path, *file ? "/" : "", file);
}

int cgroup_make(const char *path)
{
	char full[300];
	int fd;

	path_of(full, sizeof(full), path, "");
	mkdir(full, 0755);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		printf("# %s: %s\n", full, strerror(errno));
		exit(3);
	}
	return fd;
}

int cgroup_procs(const char *path)
{
	char full[300];

	path_of(full, sizeof(full), path, "cgroup.procs");
	return open(full, O_WRONLY | O_CLOEXEC);
}

void cgroup_enter(const char *path)
{
	int fd = cgroup_procs(path);

	if (fd < 0 || write(fd, "0", 1) != 1) {
		printf("# cannot enter %s: %s\n", path, strerror(errno));
		exit(3);
	}
	close(fd);
}

bool cgroup_try(const char *path, const char *file, const char *text)
{
	bool written;
	char full[300];
	int fd;

	path_of(full, sizeof(full), path, file);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	written = fd >= 0 && write(fd, text, strlen(text)) >= 0;
	if (fd >= 0)
		close(fd);
	return written;
}

void cgroup_write(const char *path, const char *file, const char *text)
{
	if (cgroup_try(path, file, text))
		return;
	printf("# %s of %s: %s\n", file, path, strerror(errno));
	exit(3);
}

long long cgroup_read(const char *path, const char *file)
{
	char full[300], text[64] = "";
	int fd;

	path_of(full, sizeof(full), path, file);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
		printf("# %s: %s\n", full, strerror(errno));
		exit(3);
	}
	close(fd);
	return atoll(text + strcspn(text, "-0123456789"));	/* cpu.stat: its first */
}

void cgroup_remove(const char *path)
{
	char full[300];
	int i;

	path_of(full, sizeof(full), path, "");
	for (i = 0; i < 100 && rmdir(full) && errno == EBUSY; i++)
		usleep(10000);
}

void slow_make(const char *max)
{
	cgroup_write(".", "cgroup.subtree_control", "+cpu");
	close(cgroup_make("slow"));
	cgroup_write("slow", "cpu.max", max);
}

void slow_released(void)
{
	cgroup_write("slow", "cpu.max", "max 100000");
}

void slow_remove(void)
{
	cgroup_remove("slow");
	cgroup_write(".", "cgroup.subtree_control", "-cpu");
}

uint64_t cgroup_id(const char *path)
{
	struct { struct file_handle h; uint64_t id; } handle = { .h.handle_bytes = 8 };
	char full[300];
	int mount;

	path_of(full, sizeof(full), path, "");
	if (name_to_handle_at(AT_FDCWD, full, &handle.h, &mount, 0))
		return 0;
	return *(uint64_t *)handle.h.f_handle;
}

/* sti, because the lab's host gets no interrupt while a guest has them off; inc; jmp to inc */
const uint8_t guest_spin[9] = { 0xfb, 0xff, 0x05, 0x00, 0x80, 0x00, 0x00, 0xeb, 0xf8 };

void vm_with_code(struct vm *vm, const void *code, size_t size, unsigned int flags)
{
	vm_create(vm, 1 << 20, flags);
	vm_build_tables(vm);
	vm_add_vcpu(vm);
	memcpy(vm->mem + 0x1000, code, size);
	vcpu_set_mode(vm, &vm->vcpu[0], MODE_FLAT32, 0x1000, 0x7000);
}

uint32_t id_of(const struct vm *vm)
{
	struct vh_vm_id id = { 0 };

	xioctl(vm->fd, VH_GET_VM_ID, &id);
	return id.id;
}

static void *runner_thread(void *arg)
{
	struct runner *run = arg;

	while (!run->stop) {
		int err = ioctl(run->v->fd, KVM_RUN, 0) ? errno : 0;

		if (err == EINTR)
			continue;
		run->result = err;
		if (err)
			break;
		run->exits++;
		if (run->v->run->exit_reason == KVM_EXIT_SYSTEM_EVENT)
			run->system_events++;
		else if (run->v->run->exit_reason == KVM_EXIT_SHUTDOWN)
			break;
	}
	run->ended = true;
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

void runner_start(struct runner *run, struct vcpu *v)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t thread;

	sigaction(SIGUSR2, &sa, NULL);
	memset(run, 0, sizeof(*run));
	run->v = v;
	pthread_create(&thread, NULL, runner_thread, run);
	run->thread = thread;
}

void runner_stop(struct runner *run)
{
	run->stop = true;
	while (!run->ended) {
		run->v->run->immediate_exit = 1;
		pthread_kill(run->thread, SIGUSR2);
		usleep(1000);
	}
	pthread_join(run->thread, NULL);
	run->v->run->immediate_exit = 0;
}

void in_child(struct tap_result *r, unsigned int uid,
	      void (*fn)(struct tap_result *r, void *arg), void *arg)
{
	struct tap_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	kvm_open();	/* before it loses the right to */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
			    setresuid(uid, uid, uid)))
			_exit(3);
		fn(shared, arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		tap_fail(r, "a child ended with status %#x", status);
	else if (shared->verdict == TAP_FAIL)
		tap_fail(r, "%s", shared->why);
	munmap(shared, sizeof(*shared));
}

bool wait_for(bool (*cond)(void *arg), void *arg, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (cond(arg))
			return true;
		usleep(10000);
	}
	return cond(arg);
}
