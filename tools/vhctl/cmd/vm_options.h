/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vm_options.h - what can be said of a VM: options of run and start, and keys of a description (vh.conf(5)).
 *
 * vm_options.c is one table of all of them. An option is added by a line there, and by its key in man/vh.conf.5,
 * man/vhctl.8 and the completion, which tests/config.sh looks for.
 */
#ifndef VM_OPTIONS_H
#define VM_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "cmd/run_image.h"
#include "vmm/vmm.h"

#define DEFAULT_FIRMWARE	"/usr/share/seabios/bios-256k.bin"

/**
 * struct vm_options - what the options say, all together
 * @cfg: for the VMM; memory and vCPUs that are 0 nobody has said
 * @image: of the store, and the seed
 * @cgroup: to be in; NULL: this process's
 */
struct vm_options {
	struct vmm_config cfg;
	struct run_image image;
	const char *cgroup;
};

extern const struct vm_options vm_options_none;

/* Commands that have an option; all are keys of a description but those of OF_COMMAND_LINE. */
enum { OF_RUN = 1, OF_START = 2, OF_COMMAND_LINE = 4, OF_BOTH = OF_RUN | OF_START };

/*
 * Does it take a value? VALUE_SWITCH: yes or no, and without one yes. VALUE_MAY: these, or one of its own. Yes is no value
 * for set(), and no is "no", where yes is the default; else no says nothing.
 */
enum vm_value { VALUE_NEEDED, VALUE_MAY, VALUE_SWITCH };

/*
 * Is its value the name of a file? PATH_PARTS: up to a comma, with two for one of the name's. PATH_OR_WORD: when it has a
 * slash or a dot.
 */
enum vm_path { PATH_NONE, PATH_WHOLE, PATH_PARTS, PATH_OR_WORD };

/**
 * struct vm_option - one of them
 * @name: long option and key
 * @letter: short option, or 0
 * @value: does it take a value?
 * @many: it can be given again, and adds; else the last one counts
 * @empty: its value may be
 * @path: is it a file's name?
 * @of: commands that have it
 * @shape: the value, as --help has it
 * @help: what it is, as --help has it; lines
 * @otherwise: what it is when nobody says; NULL: nothing
 * @set: puts the value (NULL: it has none) into the options; false with the error told
 */
struct vm_option {
	const char *name;
	char letter;
	enum vm_value value;
	bool many, empty;
	enum vm_path path;
	unsigned int of;
	const char *shape, *help, *otherwise;
	bool (*set)(struct vm_options *o, const char *value);
};

extern const struct vm_option vm_option[];
extern const unsigned int vm_option_count;

bool vm_option_is_file(const struct vm_option *o, const char *value);
const struct vm_option *vm_option_named(const char *name);
const struct vm_option *vm_option_nearest(const char *name);
bool vm_option_is_key(const struct vm_option *o);
void vm_option_default(struct vm_options *o, const char *name);
void vm_options_help(unsigned int of);
bool vm_options_fit(const struct vm_options *o);

#endif /* VM_OPTIONS_H */
