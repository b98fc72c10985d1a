// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock - a line there and one back over AF_VSOCK
 *
 *   vsock PORT        waits for somebody, prints his line and answers
 *   vsock CID PORT    sends standard input, prints the answer
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

int main(int argc, char **argv)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
	int s = socket(AF_VSOCK, SOCK_STREAM, 0), n;
	char line[256];

	if (s < 0 || argc < 2)
		return 2;
	a.svm_port = atoi(argv[argc - 1]);
	if (argc == 2) {
		if (bind(s, (void *)&a, sizeof(a)) || listen(s, 1))
			return 1;
		s = accept(s, NULL, NULL);
		n = s < 0 ? -1 : read(s, line, sizeof(line));
		return n <= 0 || write(1, line, n) != n || write(s, "answer\n", 7) != 7;
	}
	a.svm_cid = atoi(argv[1]);
	n = read(0, line, sizeof(line));
	if (n <= 0 || connect(s, (void *)&a, sizeof(a)) || write(s, line, n) != n)
		return 1;
	n = read(s, line, sizeof(line));
	return n <= 0 || write(1, line, n) != n;
}
