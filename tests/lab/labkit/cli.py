# SPDX-License-Identifier: GPL-2.0-only
"""The lab's command line."""

import argparse
import sys

from . import emulator, kernel as kernels, snapshot
from .common import STATUS_LAB, STATUS_USAGE, LabError, build_tools, say
from .run import execute

DEFAULT_CPU = "corei7_skylake_x"


def _host_options(parser):
    parser.add_argument("--emulator", metavar="VERSION",
                        help="bochs 3.0 or 2.7 (default: $VH_LAB_EMULATOR, else 3.0 where it can be had)")
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL",
                        help="CPU model as `bochs -help cpu` lists them (default: %(default)s)")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="number of CPUs (default: 1)")
    parser.add_argument("--mem", type=int, default=512, metavar="MB", help="the host's memory (default: 512)")
    parser.add_argument("--kernel", default="6.1", metavar="PKG",
                        help="6.1, 6.12, 7.2, a package name, or an unpacked kernel's folder (default: 6.1)")
    parser.add_argument("--nic", choices=["e1000"], help="a network card, in PCI's first slot, with no cable")
    parser.add_argument("--append", action="append", default=[], metavar="ARGS", help="more kernel arguments")
    parser.add_argument("--file", action="append", default=[], metavar="SRC[:DST]",
                        help="file or directory to place in /p, or at DST; programs bring their libraries")
    parser.add_argument("--modules", type=lambda text: text.split(","), default=[], metavar="A,B",
                        help="further kernel modules for /mods, with what they depend on (A?: if there is one)")
    parser.add_argument("--cold", action="store_true", help="boot instead of restoring a saved machine")
    parser.add_argument("--trim", action="store_true",
                        help="leave out the slowest parts of the kernel's start that few tests need")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds for the whole run (default: 300)")
    parser.add_argument("--each-timeout", type=float, metavar="S", help="seconds for each script")
    parser.add_argument("--then", action="append", default=[], metavar="SCRIPT",
                        help="script to run after those named at the end")
    parser.add_argument("--name", metavar="LABEL", help="prefix of every output line")
    parser.add_argument("--out", metavar="DIR", help="where /p/out is copied to at the end")
    parser.add_argument("--allow", action="append", default=[], metavar="REGEX",
                        help="kernel messages that are no failure")
    parser.add_argument("--serial", action="store_true", help="show what the host writes to its serial line")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the host's kernel log as it comes")


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description="A stock Debian host with VMX, in an emulator.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="run scripts in the emulated host")
    _host_options(one)
    one.add_argument("scripts", nargs="+", metavar="SCRIPT")
    one = commands.add_parser("shell", help="interactive shell, after the scripts if any")
    _host_options(one)
    one.add_argument("scripts", nargs="*", metavar="SCRIPT")
    one = commands.add_parser("kernel", help="fetch and unpack a kernel, print its folder")
    one.add_argument("kernel", metavar="PKG")
    one = commands.add_parser("emulator", help="build an emulator if need be, print its program")
    one.add_argument("name", nargs="?", metavar="VERSION")
    commands.add_parser("clean", help="remove saved machines, kernels and the lab's programs")
    return parser


def _run(options):
    build_tools()
    options.emulator = emulator.choose(options.emulator)
    if options.cpu != DEFAULT_CPU and options.cpu not in (models := options.emulator.cpu_models()):
        raise LabError(f"unknown CPU model {options.cpu}; there are: {' '.join(models)}")
    if not 1 <= options.cpus <= 8:
        raise LabError("--cpus: 1 to 8")
    if not 256 <= options.mem <= options.emulator.memory:
        raise LabError(f"--mem: 256 to {options.emulator.memory}")
    options.interactive = options.command == "shell"
    if options.timeout is None and not options.interactive:
        options.timeout = 300.0
    return execute(options)


def main(arguments):
    """Returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:
        return STATUS_USAGE if stop.code else 0
    try:
        if options.command == "kernel":
            print(kernels.fetch(options.kernel))
            return 0
        if options.command == "emulator":
            print(emulator.choose(options.name).program)
            return 0
        if options.command == "clean":
            snapshot.clean()
            return 0
        return _run(options)
    except LabError as error:
        say(str(error))
        return STATUS_LAB
    except KeyboardInterrupt:
        return 130
    finally:
        sys.stdout.flush()
