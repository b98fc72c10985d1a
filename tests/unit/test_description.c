// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_description.c - descriptions of VMs (vh.conf(5)): the table of options, what a file's lines come to, a command
 * line on top of it, and files of random and of nearly right lines.
 *
 *   test_description [ROUNDS [SEED]]
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/description.h"
#include "cmd/run.h"
#include "random.h"
#include "tap.h"
#include "vhctl.h"

/* --- what is told --- */

static char told[65536], *captured;
static size_t captured_size;
static unsigned int times;
static bool dirty;

void error_capture(char *text, size_t size)
{
	captured = text;
	captured_size = size;
}

void error(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (captured) {
		snprintf(captured, captured_size, "%s", text);
		return;
	}
	for (const char *c = text; *c; c++)
		dirty |= iscntrl((unsigned char)*c) && *c != '\t';
	times++;
	if (strlen(told) + strlen(text) + 2 < sizeof(told))
		strcat(strcat(told, text), "\n");
}

int usage_error(const char *command)
{
	(void)command;
	return EXIT_USAGE;
}

static bool says(const char *text)
{
	bool found = strstr(told, text);

	if (!found)
		printf("# no '%s' in:\n# %s", text, told);
	return found;
}

/* --- files --- */

static struct description d;
static struct vm_options o;

static void forget(void)
{
	for (int i = 0; i < o.cfg.disks; i++)
		free((char *)o.cfg.disk[i].path);
	for (int i = 0; i < o.cfg.pmems; i++)
		free((char *)o.cfg.pmem[i].path);
	for (int i = 0; i < o.cfg.shares; i++)
		free((char *)o.cfg.share[i].dir);
	o = vm_options_none;
	description_free(&d);
	*told = 0;
	times = 0;
	dirty = false;
}

/* The mistakes of a file of these bytes. */
static unsigned int read_bytes(const void *bytes, size_t n)
{
	int fd = memfd_create("description", 0);
	char path[64];
	unsigned int mistakes;

	forget();
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	mistakes = description_read(&d, path);
	close(fd);
	return mistakes;
}

static unsigned int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static bool is(const char *key, const char *value, unsigned int line)
{
	const struct vm_setting *s = description_says(&d, key);

	return s && s->line == line && (value ? s->value && !strcmp(s->value, value) : !s->value);
}

/* --- the table --- */

static void test_table(void)
{
	bool letters[128] = { false }, good = true;

	for (unsigned int i = 0; i < vm_option_count; i++) {
		const struct vm_option *k = &vm_option[i];
		bool meta = !strcmp(k->name, "config") || !strcmp(k->name, "help") || !strcmp(k->name, "no-confine");

		if (vm_option_is_key(k) == meta || vm_option_named(k->name) != k || !k->help || (!meta && !k->set) ||
		    !(k->of & OF_BOTH) || (k->value != VALUE_SWITCH && !k->shape) ||
		    (k->letter && letters[(unsigned char)k->letter])) {
			printf("# %s\n", k->name);
			good = false;
		}
		letters[(unsigned char)k->letter] = true;
	}
	tap_ok(good, "every option is a key, and has what help wants");
	good = true;
	for (unsigned int i = 0; i < vm_option_count; i++)
		if (vm_option[i].otherwise) {
			forget();
			good &= vm_option[i].set(&o, vm_option[i].otherwise);
		}
	tap_ok(good, "every default is a value");
}

static void test_nearest(void)
{
	static const char *const pairs[][2] = {
		{ "kernal", "kernel" }, { "dsik", "disk" }, { "vcpus", "cpus" }, { "stop_timeout", "stop-timeout" },
		{ "nets", "net" }, { "confin", "confine" }, { "memroy", "memory" },
	};

	for (unsigned int i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct vm_option *k = vm_option_nearest(pairs[i][0]);

		tap_ok(k && !strcmp(k->name, pairs[i][1]), "%s is near %s", pairs[i][0], pairs[i][1]);
	}
	TAP_CHECK(!vm_option_nearest("frobnicate"));
	TAP_CHECK(!vm_option_nearest(""));
	TAP_CHECK(!vm_option_nearest("helpp"));	/* no key */
}

/* --- lines --- */

static void test_lines(void)
{
	TAP_EQ(read_text("# a VM\n\n  kernel = /boot/vmlinuz  \r\nmemory=1G\ncmdline = a=b c\ndisk = /a\n\tdisk\t=\t/b,ro\nstats = yes\n"
			 "balloon = 64M\nwatchdog = yes\nconfine = no"), 0);
	TAP_CHECK(is("kernel", "/boot/vmlinuz", 3));
	TAP_CHECK(is("memory", "1G", 4));
	TAP_CHECK(is("cmdline", "a=b c", 5));
	TAP_CHECK(is("stats", NULL, 8) && is("balloon", "64M", 9) && is("watchdog", NULL, 10));
	TAP_CHECK(is("confine", "no", 11));
	TAP_EQ(description_apply(&d, &o), 0);
	TAP_EQ(o.cfg.memory, 1ULL << 30);
	TAP_EQ(o.cfg.disks, 2);
	TAP_CHECK(!strcmp(o.cfg.disk[1].path, "/b") && o.cfg.disk[1].ro && !o.cfg.disk[0].ro);
	TAP_CHECK(o.cfg.stats && !o.cfg.confine && o.cfg.watchdog == WATCHDOG_RESET);
	TAP_EQ(o.cfg.balloon_target, 64ULL << 20);
	TAP_EQ(o.cfg.stop_ms, 10000);
	TAP_CHECK(vm_options_fit(&o) == true);

	TAP_EQ(read_text("cmdline = \" a \"\nhostname = \"\"x\"\"\nname = \"\n"), 0);
	TAP_CHECK(is("cmdline", " a ", 1) && is("hostname", "\"x\"", 2) && is("name", "\"", 3));
	TAP_EQ(read_text("cmdline =\n"), 0);
	TAP_CHECK(is("cmdline", "", 1));
	TAP_EQ(read_text(""), 0);
}

static void test_mistakes(void)
{
	static const char control[] = "kernel = a\0b\nname = \033[31m\nname = \302\233x\n";

	TAP_EQ(read_text("kernal = x\nfrob = x\nkernel = a\nkernel = b\nmemory\n = x\nmemory =\nstats = maybe\nballoon =\nhelp = yes\n"), 9);
	TAP_EQ(times, 9);
	TAP_CHECK(says(":1: unknown key 'kernal'; did you mean 'kernel'?\n"));
	TAP_CHECK(says(":2: unknown key 'frob'; 'vhctl config keys' lists them\n"));
	TAP_CHECK(says(":4: 'kernel' is in line 3 already"));
	TAP_CHECK(says(":5: 'memory': want KEY = VALUE") && says(":6: '= x': want KEY = VALUE"));
	TAP_CHECK(says(":7: memory: is empty; want SIZE"));
	TAP_CHECK(says(":8: stats 'maybe': want yes or no") && says(":9: 'balloon' is empty"));
	TAP_CHECK(says(":10: unknown key 'help'"));
	TAP_EQ(description_says(&d, "kernel")->line, 3);

	TAP_EQ(read_text("\nmemory = 7\ndisk = /a,cache=x\nnet = user\nnet = pigeon\n"), 0);
	TAP_EQ(description_apply(&d, &o), 3);
	TAP_CHECK(says(":2: memory '7': want a size") && says(":3: disk: cache 'x'") && says(":5: net 'pigeon'"));

	TAP_EQ(read_text("disk = /a,serial=a b\ndisk = /b,serial=123456789012345678901\ndisk = /c,serial=\n"), 0);
	TAP_EQ(description_apply(&d, &o), 3);
	TAP_CHECK(says(":1: disk: serial 'a b': want 1 to 20 printable characters"));

	TAP_EQ(read_text("KERNEL=\nMEMORY=1G\nCMDLINE=\"a b\"\nOPTIONS=\"--initrd /i --disk=/d,ro  --confine\"\n"), 4);
	TAP_CHECK(says(":1: KERNEL= is of the old form; leave it out"));
	TAP_CHECK(says(":2: MEMORY= is of the old form; write: memory = 1G"));
	TAP_CHECK(says(":3: CMDLINE= is of the old form; write: cmdline = a b"));
	TAP_CHECK(says(": initrd = /i; disk = /d,ro; confine = yes\n"));

	TAP_EQ(read_bytes(control, sizeof(control) - 1), 3);
	TAP_CHECK(!dirty && says(":1: has a control character"));
	forget();
	TAP_EQ(description_read(&d, "/"), 1);
	TAP_CHECK(says("/: Is a directory"));
	forget();
	TAP_EQ(description_read(&d, "/none/web.conf"), 1);
	TAP_CHECK(says("/none/web.conf: No such file or directory"));
}

static void test_large(void)
{
	size_t n = 3 << 20;
	char *text = malloc(n);

	memset(text, '#', n);
	TAP_EQ(read_bytes(text, n), 1);
	TAP_CHECK(says("larger than 1M"));
	TAP_EQ(read_bytes(text, 1 << 20), 0);
	memset(text, 'x', n);
	TAP_EQ(read_bytes(text, 1 << 20), 1);	/* one line */
	memset(text, 0, n);
	TAP_EQ(read_bytes(text, 1 << 20), 1);
	memset(text, '=', 1 << 20);
	memcpy(text, "name", 4);
	TAP_EQ(read_bytes(text, 1 << 20), 0);
	free(text);
}

/* Names of files begin at the description's folder. */
static void test_folder(void)
{
	char folder[] = "/tmp/vh,conf-XXXXXX", path[64], want[128];
	FILE *f;

	forget();
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/web.conf", folder);
	f = fopen(path, "w");
	fputs("kernel = vmlinux\ndisk = a,,b.img,ro\nstore = ../images\ninitrd = /i\nname = web\n", f);
	fclose(f);
	TAP_EQ(description_read(&d, path), 0);
	unlink(path);
	rmdir(folder);
	snprintf(want, sizeof(want), "%s/vmlinux", folder);
	TAP_CHECK(is("kernel", want, 1));
	snprintf(want, sizeof(want), "%s/../images", folder);
	TAP_CHECK(is("store", want, 3));
	TAP_CHECK(is("initrd", "/i", 4) && is("name", "web", 5));
	TAP_EQ(description_apply(&d, &o), 0);
	snprintf(want, sizeof(want), "%s/a,b.img", folder);
	TAP_CHECK(!strcmp(o.cfg.disk[0].path, want) && o.cfg.disk[0].ro);
}

/* --- the command line on top --- */

static int on_top(unsigned int of, int argc, ...)
{
	struct description said = { };
	char *argv[16] = { "run" };
	int status;
	va_list ap;

	va_start(ap, argc);
	for (int i = 1; i <= argc; i++)
		argv[i] = va_arg(ap, char *);
	va_end(ap);
	*told = 0;
	optind = 0;
	status = description_options(&said, of, argc + 1, argv);
	if (!status && !description_merge(&d, &said))
		status = EXIT_USAGE;
	description_free(&said);
	return status;
}

static void test_command_line(void)
{
	read_text("kernel = /a\nmemory = 1G\ndisk = /1\nstats = yes\nballoon = 64M\nconfine = yes\n");
	TAP_EQ(on_top(OF_RUN, 9, "--memory", "2G", "-D", "/2", "--stats=no", "--balloon", "--kernel=/b", "-m", "3G"), 0);
	TAP_CHECK(is("memory", "3G", 0) && is("kernel", "/b", 0) && is("balloon", NULL, 0) && !description_says(&d, "stats"));
	TAP_EQ(description_apply(&d, &o), 0);
	TAP_CHECK(o.cfg.disks == 2 && !strcmp(o.cfg.disk[0].path, "/1") && !strcmp(o.cfg.disk[1].path, "/2"));
	TAP_CHECK(o.cfg.balloon && !o.cfg.balloon_target && o.cfg.confine && !o.cfg.stats);
	TAP_CHECK(!read_text("kernel = /a\n") && !description_apply(&d, &o) && o.cfg.confine);
	TAP_EQ(on_top(OF_RUN, 1, "--no-confine"), 0);
	TAP_CHECK(is("confine", "no", 0) && !description_apply(&d, &o) && !o.cfg.confine);
	TAP_EQ(on_top(OF_RUN, 2, "--no-confine", "--confine"), 0);
	TAP_CHECK(is("confine", NULL, 0) && !description_apply(&d, &o) && o.cfg.confine);
	read_text("confine = no\n");
	TAP_EQ(on_top(OF_RUN, 1, "--confine=yes"), 0);
	TAP_CHECK(!description_apply(&d, &o) && o.cfg.confine);
	read_text("kernel = /a\ndisk = /1\n");
	TAP_EQ(on_top(OF_RUN, 2, "--confine=perhaps", "-s"), EXIT_USAGE);
	TAP_CHECK(says("--confine 'perhaps': want yes or no"));
	TAP_EQ(on_top(OF_RUN, 2, "--kernel", ""), EXIT_USAGE);
	TAP_CHECK(says("--kernel: is empty; want FILE"));
	TAP_EQ(on_top(OF_START, 2, "--memory", "1G"), EXIT_USAGE);
	TAP_CHECK(says("are those of 'vhctl create'"));
	TAP_EQ(on_top(OF_RUN, 1, "--help"), -1);
}

/* What belongs together. */
static void test_fit(void)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "memory = 1G\n", "what is it to boot?" },
		{ "disk = /a\ninitrd = /i\n", "--initrd is for the kernel" },
		{ "kernel = /k\nfirmware = /f\n", "want one of them" },
		{ "kernel = /k\npublish = 80:80\n", "goes with --net user" },
		{ "kernel = /k\nkeep = x\n", "--keep is for an image" },
	};

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		read_text(wrong[i].text);
		TAP_EQ(description_apply(&d, &o), 0);
		TAP_CHECK(!vm_options_fit(&o) && says(wrong[i].says));
	}
	read_text("image = debian\ncmdline = x\n");
	TAP_CHECK(!description_apply(&d, &o) && vm_options_fit(&o));
}

/* --- random files --- */

static const char *const values[] = {
	"yes", "no", "/a", "a,,b,ro", "1G", "16M", "1", "64", "65", "user", "tap=t0,mac=02:00:00:00:00:01", "8080:80", "[::1]:1:2/udp",
	"serial", "virtio", "reset", "", "\"", "\" x \"", ",", ",,", "=", "--", "user,queues=2", "/d,format=qcow2,serial=x,iops=5,bps=1M",
	"99999999999999999999", "3", "%s%n", "-1", "\\", "/x,cache=none",
};

static size_t random_file(uint64_t *state, char *text, size_t size)
{
	unsigned int lines = next_random(state) % 40;
	size_t n = 0;

	for (unsigned int i = 0; i < lines && n + 200 < size; i++) {
		const char *key = vm_option[next_random(state) % vm_option_count].name;

		n += sprintf(text + n, "%s%s=%s%s\n", next_random(state) % 8 ? "" : "#", key, next_random(state) % 2 ? " " : "",
			     values[next_random(state) % (sizeof(values) / sizeof(values[0]))]);
	}
	for (unsigned int k = next_random(state) % 4; n && k; k--)
		text[next_random(state) % n] = next_random(state) % 4 ? ' ' + next_random(state) % 95 : next_random(state);
	return n;
}

/* What is right can be written down and read again. */
static bool again(void)
{
	static char text[65536];
	unsigned int before = d.settings;
	size_t n = 0;

	*text = 0;
	for (unsigned int i = 0; i < d.settings; i++) {
		const char *value = d.setting[i].value ? d.setting[i].value : "yes", *quote = description_quoted(value) ? "\"" : "";

		n += snprintf(text + n, sizeof(text) - n, "%s = %s%s%s\n", d.setting[i].option->name, quote, value, quote);
	}
	/* The names of files got the folder of the first. */
	for (char *at; (at = strstr(text, "/proc/self/fd/")) && n;)
		memmove(at, at + 14, strlen(at + 14) + 1);
	return !read_text(text) && d.settings == before;
}

static void test_random(unsigned long rounds, uint64_t seed)
{
	unsigned long right = 0, wrong = 0, uncounted = 0, unclean = 0, lost = 0;
	static char text[65536];
	unsigned int mistakes;
	uint64_t state;
	size_t n;

	for (unsigned long i = 0; i < rounds; i++) {
		n = random_input(&state, seed, i, (uint8_t *)text, 0, 300);
		if (i % 4)
			n = random_file(&state, text, sizeof(text));
		mistakes = read_bytes(text, n);
		uncounted += mistakes != times;
		mistakes += description_apply(&d, &o);
		uncounted += mistakes != times;
		unclean += dirty;
		*(mistakes ? &wrong : &right) += 1;
		if (!mistakes)
			vm_options_fit(&o);
		if (!mistakes)
			lost += !again();
	}
	forget();
	printf("# %lu files right, %lu wrong\n", right, wrong);
	tap_ok(right && wrong && !uncounted, "of random files every mistake is told (%lu not)", uncounted);
	tap_ok(!unclean, "without control characters (%lu with)", unclean);
	tap_ok(!lost, "what is right is the same when it is written again (%lu not)", lost);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;

	test_table();
	test_nearest();
	test_lines();
	test_mistakes();
	test_large();
	test_folder();
	test_command_line();
	test_fit();
	test_random(rounds, argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
	return tap_done();
}
