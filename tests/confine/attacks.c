// SPDX-License-Identifier: GPL-2.0-only
/* attacks.c - what an intruder would like to do: to files, processes, the network, the kernel, other VMs. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <linux/vhost.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "attacks.h"

#define CALL(name, by, ...)		{ #name, "", SYS_##name, by, PLAIN, { __VA_ARGS__ }, NULL }
#define WITH(name, more, by, ...)	{ #name, " " more, SYS_##name, by, PLAIN, { __VA_ARGS__ }, NULL }
#define TEXT(name, by, text, ...)	{ #name, " " text, SYS_##name, by, PLAIN, { __VA_ARGS__ }, text }
#define ABSTRACT	"\1\0vh"	/* AF_UNIX, an abstract name */

const struct attack attacks[] = {
	/* files */
	TEXT(open, BY_VCPU, "/etc/passwd", A_TEXT, O_RDONLY),
	TEXT(openat, BY_EACH, "/etc/passwd", AT_FDCWD, A_TEXT, O_RDONLY),
	TEXT(openat, BY_VCPU, "/proc/self/mem", AT_FDCWD, A_TEXT, O_RDWR),
	TEXT(openat, BY_VCPU, "/dev/vh", AT_FDCWD, A_TEXT, O_RDWR),
	CALL(openat2, BY_VCPU, AT_FDCWD, A_BUFFER, A_BUFFER, 24),
	TEXT(creat, BY_VCPU, "/x", A_TEXT, 0600),
	TEXT(unlink, BY_VCPU, "/x", A_TEXT),
	TEXT(mkdir, BY_VCPU, "/x", A_TEXT, 0700),
	TEXT(newfstatat, BY_EACH, "/", A_DISK, A_TEXT, A_BUFFER, AT_EMPTY_PATH),
	CALL(lseek, BY_MAIN | BY_VCPU, A_DISK, 0, SEEK_END),
	TEXT(stat, BY_VCPU, "/", A_TEXT, A_BUFFER),
	CALL(getdents64, BY_VCPU, A_DISK, A_BUFFER, 512),
	CALL(open_by_handle_at, BY_VCPU, AT_FDCWD, A_BUFFER, O_RDONLY),
	CALL(memfd_create, BY_EACH, A_BUFFER, 0),
	CALL(dup, BY_VCPU, A_DISK),
	CALL(fcntl, BY_EACH, A_DISK, F_DUPFD, 0),
	CALL(ftruncate, BY_EACH, A_DISK, 0),
	CALL(pwrite64, BY_VCPU | BY_MAIN, A_DISK, A_BUFFER, 512, 0),
	WITH(pwrite64, "to what is no disk", BY_DISK, 1, A_BUFFER, 512, 0),
	CALL(splice, BY_VCPU, A_DISK, 0, 1, 0, 512, 0),
	/* another program, another process */
	TEXT(execve, BY_EACH, "/bin/sh", A_TEXT, 0, 0),
	TEXT(execveat, BY_VCPU, "/bin/sh", AT_FDCWD, A_TEXT, 0, 0, 0),
	CALL(fork, BY_EACH, 0),
	WITH(clone, "of a process that shares it all", BY_CONTROL, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND),
	WITH(clone, "of a namespace", BY_CONTROL, CLONE_NEWUSER),
	WITH(pidfd_send_signal, "which stops", BY_MAIN | BY_DISK | BY_CONTROL | BY_WATCH | BY_SHARE, A_DISK, SIGSTOP, 0, 0),
	WITH(pidfd_send_signal, "by who ends no image", BY_VCPU | BY_NET | BY_BALLOON, A_DISK, SIGKILL, 0, 0),
	WITH(waitid, "for any", BY_MAIN | BY_DISK | BY_CONTROL, P_ALL, 0, A_BUFFER, 4),
	CALL(vfork, BY_VCPU, 0),
	CALL(clone, BY_EACH, SIGCHLD),
	WITH(clone, "of a thread", BY_VCPU, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND),
	CALL(clone3, BY_ALL, A_BUFFER, 64),
	CALL(kill, BY_EACH, A_STARTED, SIGKILL),
	WITH(kill, "1", BY_VCPU, 1, SIGKILL),
	CALL(tkill, BY_VCPU, A_STARTED, SIGKILL),
	WITH(tgkill, "of another process", BY_EACH, A_STARTED, A_STARTED, SIGKILL),
	CALL(rt_sigqueueinfo, BY_VCPU, A_STARTED, SIGTERM, A_BUFFER),
	CALL(pidfd_open, BY_EACH, A_STARTED, 0),
	CALL(ptrace, BY_EACH, PTRACE_ATTACH, A_STARTED),
	CALL(process_vm_readv, BY_VCPU, A_STARTED, A_BUFFER, 1, A_BUFFER, 1, 0),
	CALL(process_vm_writev, BY_VCPU, A_STARTED, A_BUFFER, 1, A_BUFFER, 1, 0),
	CALL(prlimit64, BY_VCPU, A_STARTED, 7, A_BUFFER, 0),
	CALL(setpriority, BY_VCPU, 0, A_STARTED, 19),
	CALL(sched_setaffinity, BY_VCPU, A_STARTED, 8, A_BUFFER),
	CALL(rt_sigaction, BY_ALL, SIGUSR1, A_BUFFER, 0, 8),
	/* the network, and the console's socket */
	WITH(socket, "inet", BY_EACH, AF_INET, SOCK_STREAM, 0),
	WITH(socket, "unix", BY_EACH, AF_UNIX, SOCK_STREAM, 0),
	WITH(socket, "netlink", BY_VCPU, AF_NETLINK, SOCK_RAW, 16),
	CALL(socketpair, BY_VCPU, AF_UNIX, SOCK_STREAM, 0, A_BUFFER),
	{ "connect", " to an abstract name", SYS_connect, BY_EACH, PLAIN, { A_EVENT, A_TEXT, 5 }, ABSTRACT },
	CALL(sendto, BY_VCPU, A_EVENT, A_BUFFER, 1, 0, 0, 0),
	WITH(sendmsg, "on another descriptor", BY_EACH, A_EVENT, A_BUFFER, 0),
	CALL(recvmsg, BY_EACH, A_EVENT, A_BUFFER, 0),
	WITH(accept4, "on another descriptor", BY_EACH, A_EVENT, 0, 0, 0),
	/* /dev/vh and KVM: other VMs, and more of this one */
	WITH(ioctl, "KVM_CREATE_VM", BY_EACH, A_VM, KVM_CREATE_VM, 0),
	WITH(ioctl, "KVM_CREATE_VCPU", BY_EACH & ~BY_SPARE, A_VM, KVM_CREATE_VCPU, 5),
	WITH(ioctl, "KVM_SET_USER_MEMORY_REGION", BY_EACH & ~BY_MEM, A_VM, KVM_SET_USER_MEMORY_REGION, A_BUFFER),
	WITH(ioctl, "KVM_CREATE_DEVICE", BY_VCPU, A_VM, KVM_CREATE_DEVICE, A_BUFFER),
	WITH(ioctl, "KVM_IOEVENTFD", BY_MAIN | BY_DISK | (BY_OTHERS & ~BY_CONTROL & ~BY_SPARE), A_VM, KVM_IOEVENTFD, A_BUFFER),
	WITH(ioctl, "KVM_RUN of another vCPU", BY_VCPU | BY_SPARE, A_OTHER_VCPU, KVM_RUN, 0),
	WITH(ioctl, "KVM_RUN", BY_MAIN | BY_DISK | BY_OTHERS, A_VCPU, KVM_RUN, 0),
	WITH(ioctl, "KVM_SET_MSRS", BY_EACH, A_VCPU, KVM_SET_MSRS, A_BUFFER),
	WITH(ioctl, "KVM_SET_SREGS", BY_VCPU | BY_SPARE, A_VCPU, KVM_SET_SREGS, A_BUFFER),
	WITH(ioctl, "KVM_GET_REGS of another vCPU", BY_VCPU, A_OTHER_VCPU, KVM_GET_REGS, A_BUFFER),
	WITH(ioctl, "TIOCSTI", BY_EACH, 0, TIOCSTI, A_BUFFER),
	WITH(ioctl, "BLKDISCARD", BY_MAIN | BY_VCPU, A_DISK, BLKDISCARD, A_BUFFER),
	WITH(ioctl, "SIOCSIFFLAGS", BY_EACH, A_SOCKET, SIOCSIFFLAGS, A_BUFFER),
	WITH(ioctl, "TUNSETIFF", BY_EACH, A_SOCKET, TUNSETIFF, A_BUFFER),
	WITH(ioctl, "VHOST_SET_OWNER", BY_EACH & ~BY_CONTROL, A_SOCKET, VHOST_SET_OWNER, 0),
	WITH(ioctl, "FIDEDUPERANGE", BY_DISK, A_DISK, FIDEDUPERANGE, A_BUFFER),
	/* memory */
	WITH(mmap, "to be executed", BY_EACH, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	WITH(mmap, "of a file", BY_EACH, 0, 4096, PROT_READ, MAP_SHARED, A_DISK, 0),
	WITH(mmap, "at a place", BY_VCPU, 0x10000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	WITH(mmap, "of a file, private", BY_CONTROL, 0, 4096, PROT_READ, MAP_PRIVATE, A_DISK, 0),
	WITH(mmap, "of a file, to be executed", BY_CONTROL, 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_POPULATE, A_DISK, 0),
	CALL(mprotect, BY_EACH, A_BUFFER, 4096, PROT_READ | PROT_EXEC),
	WITH(madvise, "KSM", BY_VCPU, A_BUFFER, 4096, MADV_MERGEABLE),
	CALL(mremap, BY_VCPU, A_BUFFER, 4096, 8192, MREMAP_MAYMOVE),
	CALL(userfaultfd, BY_VCPU, 0),
	CALL(shmget, BY_VCPU, 1, 4096, 01600),
	CALL(msgget, BY_VCPU, 1, 01600),
	/* ways around the filter */
	CALL(io_uring_setup, BY_EACH, 8, A_BUFFER),
	CALL(io_uring_register, BY_EACH, A_RING, 0, A_BUFFER, 1),
	WITH(io_uring_enter, "of another's ring", BY_DISK, A_OTHER_RING, 0, 0, 0, 0, 0),
	CALL(io_uring_enter, BY_MAIN | BY_VCPU, A_RING, 0, 0, 0, 0, 0),
	WITH(seccomp, "strict", BY_CONTROL, 0, 0, 0),
	WITH(io_uring_register, "IORING_UNREGISTER_FILES", BY_CONTROL | BY_DISK, A_RING, 3, 0, 0),
	CALL(seccomp, BY_ALL, 1, 0, A_BUFFER),
	CALL(prctl, BY_EACH, PR_SET_DUMPABLE, 1),
	CALL(arch_prctl, BY_VCPU, 0x1003, A_BUFFER),
	CALL(personality, BY_VCPU, 0),
	{ "openat", " by INT 0x80", 295, BY_ALL, COMPAT, { AT_FDCWD, 0, O_RDONLY }, NULL },
	{ "openat", " as x32", SYS_openat | 0x40000000, BY_EACH, X32, { AT_FDCWD, A_TEXT, O_RDONLY }, "/" },
	/* the kernel */
	CALL(mount, BY_EACH, A_BUFFER, A_BUFFER, A_BUFFER, 0, 0),
	CALL(umount2, BY_VCPU, A_BUFFER, 0),
	CALL(pivot_root, BY_VCPU, A_BUFFER, A_BUFFER),
	CALL(chroot, BY_VCPU, A_BUFFER),
	CALL(unshare, BY_EACH, CLONE_NEWUSER),
	CALL(setns, BY_VCPU, A_DISK, 0),
	CALL(setuid, BY_VCPU, 0),
	CALL(capset, BY_VCPU, A_BUFFER, A_BUFFER),
	CALL(bpf, BY_EACH, 0, A_BUFFER, 72),
	CALL(perf_event_open, BY_VCPU, A_BUFFER, 0, -1, -1, 0),
	CALL(keyctl, BY_VCPU, 0, -4, 0),
	CALL(add_key, BY_VCPU, A_BUFFER, A_BUFFER, A_BUFFER, 1, -4),
	CALL(init_module, BY_VCPU, A_BUFFER, 512, A_BUFFER),
	CALL(kexec_load, BY_VCPU, 0, 0, 0, 0),
	CALL(reboot, BY_VCPU, 0xfee1dead, 672274793, 0),
	CALL(iopl, BY_VCPU, 3),
	CALL(modify_ldt, BY_VCPU, 0, A_BUFFER, 512),
	CALL(setrlimit, BY_VCPU, 4, A_BUFFER),
	CALL(syslog, BY_VCPU, 3, A_BUFFER, 512),
	CALL(swapon, BY_VCPU, A_BUFFER, 0),
	CALL(quotactl, BY_VCPU, 0, A_BUFFER, 0, A_BUFFER),
	{ "unknown", " call 500", 500, BY_ALL, PLAIN, { 0 }, NULL },
	{ NULL, NULL, 0, 0, PLAIN, { 0 }, NULL },
};
