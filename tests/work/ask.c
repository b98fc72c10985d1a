// SPDX-License-Identifier: GPL-2.0-only
/* ask.c - ask SOCKET REQUEST: a line to a VM's control socket, and the line that comes back. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;

	if (argc != 3 || strlen(argv[1]) >= sizeof(at.sun_path))
		return 2;
	strcpy(at.sun_path, argv[1]);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) || dprintf(fd, "%s\n", argv[2]) < 0) {
		perror(argv[1]);
		return 1;
	}
	while (read(fd, &c, 1) == 1) {
		putchar(c);
		if (c == '\n')
			return 0;
	}
	return 1;
}
