# SPDX-License-Identifier: GPL-2.0-only
"""One bochs process: its configuration, its channels, and how it ends."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time

from .common import TOOLS
from .emulator import BIOS, VGA_BIOS

# One emulated instruction is one TSC tick: ips, clock and tsc_early_khz agree.
# idle=halt: bochs loses MWAIT wake-ups. cryptomgr.notests: 9 s of self-tests.
KERNEL_ARGUMENTS = ("console=ttyS0,115200 quiet nokaslr mitigations=off tsc=reliable "
                    "tsc_early_khz={mhz}000 idle=halt cryptomgr.notests")
# --trim: what costs the most instructions and matters to few tests: the check for
# writable code (1.2 s), names of constants in trace events (0.8 s), BTF for TCP's
# cubic (0.5 s), the block and kprobe tracers' events (0.4 s).
TRIMMED = ("rodata=off initcall_blacklist=trace_eval_init,cubictcp_register,init_blk_tracer,"
           "init_kprobe_trace,load_system_certificate_list")

CONFIGURATION = """\
config_interface: textconfig
memory: guest={memory}, host={memory}
romimage: file={bios}, options=fastboot
vgaromimage: file={vga_bios}
cpu: model={cpu}, count={cpus}, ips={mhz}000000, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path=boot.img, mode=flat, cylinders=1, heads=16, spt=63, translation=auto
ata0-slave: type=disk, path=payload.img, mode=flat, cylinders={cylinders}, heads=16, spt=63
boot: disk
log: bochs.log
error: action=ignore
info: action=ignore
com1: enabled=1, mode=file, dev=serial.txt
port_e9_hack: enabled=1
clock: sync=none, time0=1700000000
vga: extension=vbe, update_freq=1, realtime=0
optramimage1: file=boot.ram, address=0x1000000
"""
NIC = """\
pci: enabled=1, chipset=i440fx, slot1=e1000
e1000: card=0, enabled=1, mac=52:54:00:76:68:01, ethmod=null, ethdev=none
"""


def work_folder():
    """A folder for one run: in memory where there is room.

    Folders whose run was killed before it could remove them are removed here.
    """
    base = None
    for left in pathlib.Path("/dev/shm").glob("vh-lab-*-*"):
        if not os.path.exists(f"/proc/{left.name.split('-')[2]}"):
            shutil.rmtree(left, ignore_errors=True)
    try:
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize > 4 << 30:
            base = "/dev/shm"
    except OSError:
        pass
    return pathlib.Path(tempfile.mkdtemp(prefix=f"vh-lab-{os.getpid()}-", dir=base))


class Machine:
    """Runs an emulator in `folder`; events() yields what comes out of it.

    restore: folder of the saved machine to go on with. save: where to save the machine, and end, as
    soon as the host is up.
    """

    def __init__(self, folder, emulator, restore=None, save=None):
        self.folder = folder
        self.emulator = emulator
        self.serial_at = 0
        self.pending = b""
        self.status = None
        (folder / "start.rc").write_text("c\n")
        command = [emulator.program, "-q", *emulator.arguments]
        command += ["-r", restore] if restore else ["-f", "bochsrc"]
        self.e9, e9_out = os.pipe()
        self.terminal, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = dict(os.environ, TERM="xterm", LC_ALL="C", LAB_E9_FD=str(e9_out),
                           LD_PRELOAD=str(TOOLS / "shim.so"))
        if save:
            environment["LAB_SAVE"] = save

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=slave, stdout=slave,
                                        stderr=slave, pass_fds=[e9_out], preexec_fn=own_terminal)
        os.close(e9_out)
        os.close(slave)
        self.screen = b""

    def interrupt(self):
        """Has the emulator tell where the machine's CPUs are, and stop: event "stopped"."""
        self.process.send_signal(self.emulator.stop)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for handle in (self.e9, self.terminal):
            try:
                os.close(handle)
            except OSError:
                pass

    def _frames(self, data):
        """Splits the e9 stream into (type, body)."""
        self.pending += data
        while True:
            start = self.pending.find(b"\x01")
            end = self.pending.find(b"\x02", start + 1)
            if start < 0 or end < 0:
                if start < 0:
                    self.pending = b""
                return
            body = self.pending[start + 1:end]
            self.pending = self.pending[end + 1:]
            if b"\x03" in body:
                body = re.sub(rb"\x03(.)", lambda m: bytes([m[1][0] ^ 0x40]), body, flags=re.S)
            yield chr(body[0]), body[1:]

    def _serial(self):
        try:
            with open(self.folder / "serial.txt", "rb") as handle:
                handle.seek(self.serial_at)
                data = handle.read()
        except FileNotFoundError:
            return b""
        self.serial_at += len(data)
        return data

    def events(self, also=(), tick=0.05):
        """Yields (kind, value): frame (type, body), serial bytes, stopped screen text,
        ready (file descriptor of `also`), tick None, and at last exit status."""
        open_handles = [self.e9, self.terminal]
        next_tick = 0
        while True:
            ready, _, _ = select.select(open_handles + list(also), [], [], tick)
            for handle in ready:
                if handle in also:
                    yield "ready", handle
                    continue
                try:
                    data = os.read(handle, 1 << 16)
                except OSError:
                    data = b""
                if not data:
                    open_handles.remove(handle)
                elif handle == self.e9:
                    for one in self._frames(data):
                        yield "frame", one
                else:
                    self.screen = (self.screen + data)[-20000:]
                    # the debugger's prompt, or the last line of src/shim.c's where()
                    if re.search(rb"<bochs:\d+> ?$|\nlab: stopped\r?\n", self.screen):
                        text, self.screen = self.screen, b""
                        yield "stopped", text.decode(errors="replace")
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + tick
                data = self._serial()
                if data:
                    yield "serial", data
                yield "tick", None
            if not open_handles or (self.process.poll() is not None and not ready):
                self.status = self.process.wait()
                data = self._serial()
                if data:
                    yield "serial", data
                yield "exit", self.status
                return

    def emulator_log(self):
        """The emulator's own last words."""
        try:
            return (self.folder / "bochs.log").read_text(errors="replace")[-2000:]
        except FileNotFoundError:
            return self.screen.decode(errors="replace")[-2000:]


MHZ = 100
# Where everything takes several times as many instructions, timers would leave no time between them.
SLOW_MHZ = 400


def configure(folder, options, memory, cylinders, mhz=MHZ):
    """Writes folder/bochsrc."""
    text = CONFIGURATION.format(memory=memory, bios=BIOS, vga_bios=VGA_BIOS, cpu=options.cpu, cpus=options.cpus,
                                cylinders=cylinders, mhz=mhz) + (NIC if options.nic else "")
    (folder / "bochsrc").write_text("\n".join(options.emulator.config) + "\n" + text)
