// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of many threads on shared descriptors, while the vCPUs run and the
 * memory behind them changes. The fuzzer knows what it made, so that most
 * calls succeed; nothing is checked but that the host survives, that a
 * process that got a descriptor cannot use it, and that everything ends.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "backing.h"
#include "objects.h"
#include "rounds.h"

#define OPS	400		/* of each thread */

static const char *const counters[] = {
	"ioctls", "succeeded", "KVM_RUN", "returned from", "interrupts raised", "memslots changed",
	"irqfds, ioeventfds", "changes of memory", "VMs closed in use", "forks", "descriptors passed on",
	"guests started anew", "VMs", NULL
};

static volatile bool stop;

struct worker {
	pthread_t thread;
	uint64_t seed;
	unsigned int vm, vcpu;
	int helper;
};

static void nothing(int sig)
{
	(void)sig;
}

/* Runs one vCPU, whatever is at its place, until the end. */
static void *run_vcpu(void *arg)
{
	struct worker *w = arg;
	struct a_vm *vm = &vms[w->vm];
	struct a_vcpu *v = &vm->vcpu[w->vcpu];
	unsigned int odd = 0;

	rnd_state = w->seed;
	while (!stop) {
		struct kvm_run *run = __atomic_load_n(&v->run, __ATOMIC_ACQUIRE);
		int r;

		if (!run) {
			usleep(1000);
			continue;
		}
		r = ioctl(v->fd, KVM_RUN, 0);
		count(RUNS);
		if (r >= 0) {
			count(RETURNED);
			/* the others' turn */
			if (chance(3))
				usleep(500);
		}
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			odd++;
		else if (r >= 0 && run->exit_reason != KVM_EXIT_IO && run->exit_reason != KVM_EXIT_MMIO &&
			 run->exit_reason != KVM_EXIT_IRQ_WINDOW_OPEN)
			odd++;
		/* shut down, halted, lost its memory: begin again */
		if (odd && (r >= 0 || chance(8))) {
			odd = 0;
			count(RESTARTS);
			vcpu_begin(vm, v);
			usleep(4000);
		}
		if (r < 0)
			usleep(500);
	}
	return NULL;
}

static void *do_ioctls(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	rnd_state = w->seed;
	for (i = 0; i < OPS; i++) {
		an_ioctl(&vms[rnd(nr_vms)]);
		if (chance(16))
			usleep(rnd(1000));
	}
	return NULL;
}

static void *do_memory(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	rnd_state = w->seed;
	for (i = 0; i < OPS / 4; i++) {
		to_memory(&vms[rnd(nr_vms)]);
		usleep(rnd(1000));
	}
	return NULL;
}

static void *do_descriptors(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	rnd_state = w->seed;
	for (i = 0; i < OPS / 8; i++) {
		to_descriptors(&vms[rnd(nr_vms)], w->helper);
		usleep(rnd(2000));
	}
	return NULL;
}

/* Another process: what it is given must be of no use to it. Holds the last few. */
static void helper(int sock)
{
	int held[4] = { -1, -1, -1, -1 }, fd;
	unsigned int n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char control[CMSG_SPACE(sizeof(int))], byte;
		struct iovec iov = { &byte, 1 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				    .msg_controllen = sizeof(control) };
		struct kvm_regs regs;

		if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
			_exit(0);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
		if (ioctl(fd, KVM_GET_REGS, &regs) >= 0 || ioctl(fd, KVM_RUN, 0) >= 0 ||
		    ioctl(fd, KVM_CREATE_VCPU, 7) >= 0)
			round_failed("a vCPU or VM of another process can be used");
		if (held[n % 4] >= 0)
			close(held[n % 4]);
		held[n++ % 4] = fd;
		if (chance(40))
			_exit(0);	/* with what it holds */
	}
}

static void round_of_ioctls(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct worker w[MAX_VMS * MAX_VCPUS + 4];
	unsigned int i, vcpus, workers, tries;
	int sock[2], status;
	pid_t other;

	sigaction(SIGUSR1, &sa, NULL);
	nr_vms = 1 + rnd(MAX_VMS);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock))
		round_failed("socketpair: %s", strerror(errno));
	/* before there is another process that is charged elsewhere */
	if (chance(4))
		backing_tight(6 << 10, 20 << 10);
	other = fork();
	if (!other) {
		close(sock[0]);
		helper(sock[1]);
	}
	close(sock[1]);
	for (i = 0; i < nr_vms; i++)
		vm_begin(&vms[i], !chance(3));
	vcpus = nr_vms * MAX_VCPUS;
	workers = vcpus + 4;
	for (i = 0; i < workers; i++) {
		w[i].seed = rnd64();
		w[i].vm = i / MAX_VCPUS;
		w[i].vcpu = i % MAX_VCPUS;
		w[i].helper = sock[0];
		pthread_create(&w[i].thread, NULL, i < vcpus ? run_vcpu : i < vcpus + 2 ? do_ioctls :
			       i == vcpus + 2 ? do_memory : do_descriptors, &w[i]);
	}
	/* Some are killed in the middle of it. */
	if (chance(4)) {
		usleep(rnd(200000));
		_exit(ROUND_OK);
	}
	for (i = vcpus, tries = 0; i < workers; i++)
		while (pthread_tryjoin_np(w[i].thread, NULL)) {
			/* they too wait for pages that do not come */
			if (++tries == 600)
				backing_end();
			/* vCPUs are kicked all the time */
			pthread_kill(w[rnd(vcpus)].thread, SIGUSR1);
			usleep(1500);
		}
	stop = true;
	backing_end();
	for (i = 0; i < vcpus; i++)
		for (tries = 0; pthread_tryjoin_np(w[i].thread, NULL); tries++) {
			if (tries > 5000)
				round_failed("vCPU %u of VM %u does not end", w[i].vcpu, w[i].vm);
			pthread_kill(w[i].thread, SIGUSR1);
			usleep(2000);
		}
	for (i = 0; i < nr_vms; i++)
		vm_end(&vms[i]);
	kill(other, SIGKILL);
	if (waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status))
		_exit(ROUND_FAILED);
}

int main(int argc, char **argv)
{
	static const struct rounds rounds = {
		.name = "ioctls", .round = round_of_ioctls, .counters = counters, .may_die = true
	};

	return rounds_main(argc, argv, &rounds);
}
