// SPDX-License-Identifier: GPL-2.0-only
/* control.c - vhctl pause, resume, kill, stop, rename, destroy: one request for each VM. */
#include <errno.h>
#include <string.h>

#include "fields.h"
#include "parse.h"
#include "qmp.h"
#include "vhctl.h"

/* Options of a command that has only --help: the first argument, or -1 - status. */
static int plain_options(int argc, char **argv, const char *usage, int min, int max)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { } };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return -1 - EXIT_OK;
		}
		return -1 - usage_error(argv[0]);
	}
	if (argc - optind < min || argc - optind > max) {
		error(argc - optind < min ? "which VM?" : "too many arguments");
		return -1 - usage_error(argv[0]);
	}
	return optind;
}

static int each_vm(int argc, char **argv, int cmd, const char *usage)
{
	int i = plain_options(argc, argv, usage, 1, argc), status = EXIT_OK;
	struct nl *nl;

	if (i < 0)
		return -1 - i;
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	for (; i < argc; i++) {
		struct nl_msg *msg = vh_request(nl, cmd, 0);

		if (put_vm_ref(nl, msg, argv[i])) {
			nlmsg_free(msg);
			status = EXIT_ERROR;
		} else if (vh_do(nl, msg, argv[i])) {
			status = EXIT_ERROR;
		}
	}
	vh_close(nl);
	return status;
}

int cmd_pause(int argc, char **argv)
{
	return each_vm(argc, argv, VH_CMD_VM_PAUSE,
		       "usage: vhctl pause VM...\n\n"
		       "When it returns, no vCPU of the VM executes guest code, until vhctl resume.\n");
}

int cmd_resume(int argc, char **argv)
{
	return each_vm(argc, argv, VH_CMD_VM_RESUME,
		       "usage: vhctl resume VM...\n\nLets paused VMs run.\n");
}

int cmd_kill(int argc, char **argv)
{
	return each_vm(argc, argv, VH_CMD_VM_KILL,
		       "usage: vhctl kill VM...\n\n"
		       "Ends VMs at once: no vCPU runs again, and the process that runs the VM (and\n"
		       "any other VM of the same process) gets SIGKILL.\n");
}

int cmd_destroy(int argc, char **argv)
{
	return each_vm(argc, argv, VH_CMD_VM_DESTROY,
		       "usage: vhctl destroy VM...\n\n"
		       "Removes VMs that vhctl create made. One that runs must be stopped first.\n");
}

int cmd_rename(int argc, char **argv)
{
	int i = plain_options(argc, argv,
			      "usage: vhctl rename VM NAME\n\n"
			      "Names have letters, digits and ._+:@- and are no number, no UUID and not\n"
			      "vm-NUMBER, which is the name of a VM without another. Of one user's VMs no\n"
			      "two have the same name.\n", 2, 2);
	struct nl_msg *msg;
	struct nl *nl;
	struct vm vm;
	int status = EXIT_ERROR;

	if (i < 0)
		return -1 - i;
	if (strlen(argv[i + 1]) > VH_VM_NAME_MAX) {
		error("'%s': a name has at most %d bytes", argv[i + 1], VH_VM_NAME_MAX);
		return EXIT_ERROR;
	}
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	if (!vm_get(nl, argv[i], &vm)) {
		msg = vh_request(nl, VH_CMD_VM_SET, 0);
		nla_put_u32(msg, VH_A_VM_ID, vm.id);
		nla_put_string(msg, VH_A_VM_NAME, argv[i + 1]);
		status = vh_do(nl, msg, argv[i + 1]);
		vm_free(&vm);
	}
	vh_close(nl);
	return status;
}

/* --- stop: a request, and then the VM's end is waited for --- */

static bool not_its_end(const struct event *e, void *arg)
{
	return !(e->has_vm && e->vm == *(uint32_t *)arg &&
		 (e->type == VH_EVENT_DESTROYED || e->type == VH_EVENT_DETACHED));
}

/* How the guest's power button is pressed: by the VM's VMM, or a monitor of that; or, @off, none is. */
static int ask(struct nl *nl, const char *ref, const struct vm *vm, bool off)
{
	struct nl_msg *msg;

	if (!off && !vm->power_button)
		switch (qmp_powerdown(vm)) {
		case QMP_DONE:
			return EXIT_OK;
		case QMP_FAILED:
			return EXIT_ERROR;
		case QMP_NONE:
			error("%s: vh does not reach the power button of a guest of %s; shut it down from within or by its "
			      "VMM's own tools, or 'vhctl stop --off' it, which asks no guest", ref,
			      vm->comm[0] ? vm->comm : "no VMM");
			return EXIT_ERROR;
		}
	msg = vh_request(nl, VH_CMD_VM_STOP, 0);
	nla_put_u32(msg, VH_A_VM_ID, vm->id);
	return vh_do(nl, msg, ref);
}

static int stop_one(const char *ref, unsigned int timeout, bool off)
{
	struct nl *nl = vh_open(), *events = vh_open();
	int status = EXIT_ERROR;
	struct vm vm;

	if (!nl || !events || vm_get(nl, ref, &vm))
		goto close;
	if (!events_begin(events))
		status = ask(nl, ref, &vm, off);
	if (!status && timeout) {
		switch (events_loop(events, not_its_end, &vm.id, timeout)) {
		case 0:
			error("%s was asked to stop and is still there after %u s; 'vhctl kill' ends it",
			      ref, timeout / 1000);
			status = EXIT_TIMEOUT;
			break;
		case 1:
			break;
		default:
			status = EXIT_ERROR;
		}
	}
	vm_free(&vm);
close:
	vh_close(nl);
	vh_close(events);
	return status;
}

int cmd_stop(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ "off", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	unsigned int timeout = 60000;
	int opt, status = EXIT_OK, s;
	bool off = false;

	while ((opt = getopt_long(argc, argv, "t:nh", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			if (!parse_seconds(optarg, &timeout) || !timeout) {
				error("--timeout '%s': want seconds, such as 30", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'n':
			timeout = 0;
			break;
		case 'o':
			off = true;
			break;
		case 'h':
			puts("usage: vhctl stop [OPTIONS] VM...\n\n"
			     "Presses the guest's power button, and waits until the VM is gone. That is possible\n"
			     "for guests of vhctl, and of a QEMU with a QMP monitor on a UNIX socket.\n\n"
			     "  -t, --timeout S  wait at most so long (default: 60); status 6 when it is over\n"
			     "  -n, --no-wait    only ask\n"
			     "      --off        ask the VMM to end the VM (KVM_EXIT_SYSTEM_EVENT), as a guest that\n"
			     "                   powers off does; no guest is asked\n"
			     "  -h, --help       this text");
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (optind == argc) {
		error("which VM?");
		return usage_error(argv[0]);
	}
	for (; optind < argc; optind++) {
		s = stop_one(argv[optind], timeout, off);
		if (s)
			status = s;
	}
	return status;
}
