// SPDX-License-Identifier: GPL-2.0-only
/* hold DEVICE: a process that has a VM until it is killed */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;

	if (fd < 0 || ioctl(fd, KVM_CREATE_VM, 0) < 0)
		return 1;
	for (;;)
		pause();
}
