# SPDX-License-Identifier: GPL-2.0-only
"""One run: start the host, follow its scripts, judge."""

import io
import os
import re
import shutil
import signal
import sys
import tarfile
import termios
import time
import tty

from . import kernel as kernels, snapshot
from .common import STATUS_HOST, STATUS_LAB, LabError, emulator_slot, say
from .machine import Machine, work_folder
from .payload import Mailbox, Payload
from .verdict import HostLog

AFTER_DEATH = 2.0       # seconds to let a panic print itself
GRACE = 10.0            # seconds the agent has to kill a script that is over its time
ESCAPE_KEY = b"\x1d"    # Ctrl-]


class Script:
    """What is known about one script."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        self.status = None
        self.started = None
        self.seconds = 0.0
        self.reasons = []

    @property
    def verdict(self):
        if self.reasons:
            return STATUS_HOST
        return STATUS_HOST if self.status is None else self.status


class Run:
    """Everything between the command line and the exit status."""

    def __init__(self, options):
        self.options = options
        self.scripts = [Script(path) for path in options.scripts + options.then]
        self.current = None
        self.log = HostLog(options.allow)
        self.boot_notes = []
        self.results = io.BytesIO()
        self.up = False
        self.finished = False
        self.failure = None
        self.machine = None
        self.mailbox = None
        self.typed = b""
        self.prefix = f"[{options.name}] " if options.name else ""
        self.kernel_shown = options.verbose

    # -- preparation

    def _payload(self, folder):
        payload = Payload()
        for given in self.options.file:
            source, _, target = given.partition(":")
            target = target or os.path.basename(source.rstrip("/"))
            payload.file(source, target.lstrip("/") if target.startswith("/") else f"p/{target}")
        if self.options.modules:
            payload.modules(folder, self.options.modules)
        for index, script in enumerate(self.scripts):
            try:
                with open(script.path, "rb") as handle:
                    payload.data(f"p/.lab/{index}", handle.read(), 0o755)
            except OSError as error:
                raise LabError(f"{script.path}: {error.strerror}") from None
        payload.data("p/.lab/job", b"%d %d\n" % (len(self.scripts), self.options.interactive))
        return payload

    def execute(self):
        """Runs it all and returns the exit status."""
        work = work_folder()
        try:
            folder = kernels.fetch(self.options.kernel)
            payload = self._payload(folder)
            with emulator_slot():
                begin = time.monotonic()
                if self.options.cold:
                    snapshot.prepare_cold(self.options, folder, work, payload.write(work / "payload.img"))
                    self.machine = Machine(work, self.options.emulator)
                else:
                    place = snapshot.saved_machine(self.options, folder, work)
                    begin = time.monotonic()
                    snapshot.prepare_restore(place, work, payload)
                    self.machine = Machine(work, self.options.emulator, restore="state")
                self.mailbox = Mailbox(work / "payload.img")
                try:
                    self._follow(begin)
                finally:
                    self.machine.kill()
                if not self.finished and not self.failure:
                    self.failure = "the emulator ended early"
                    self.log.lines += self.machine.emulator_log().splitlines()
            return self._report()
        finally:
            shutil.rmtree(work, ignore_errors=True)

    # -- while it runs

    def _follow(self, begin):
        options = self.options
        deadline = begin + options.timeout if options.timeout else None
        killing = dead_since = None
        keyboard = [0] if options.interactive else []
        for kind, value in self.machine.events(also=keyboard):
            now = time.monotonic()
            if kind == "frame":
                killing = None if value[0] == "x" else killing
                self._frame(value[0], value[1], now, begin)
                if self.finished:
                    return
            elif kind == "serial":
                seen = len(self.log.lines)
                self.log.serial_text(value)
                for line in self.log.lines[seen:] if options.serial else ():
                    self._line(line)
            elif kind == "stopped":
                self._stopped(value)
                return
            elif kind == "ready":
                data = os.read(value, 256)
                if not data or ESCAPE_KEY in data:
                    self.finished = True
                    return
                self.typed += data
            if options.interactive and self.typed and self.mailbox.free():
                piece, self.typed = self.typed[:Mailbox.ROOM], self.typed[Mailbox.ROOM:]
                self.mailbox.send(b"i", piece)
            if kind != "tick":
                continue
            if self.log.deadly:
                dead_since = dead_since or now
                if now - dead_since > AFTER_DEATH:
                    self.failure = "the host died"
                    return
            over = self._over_time(now, deadline)
            if over and not killing:
                killing = now
                (self.current.reasons if self.current else []).append(over)
                self.failure = None if self.current else over
                if not self.current or deadline and now > deadline + GRACE:
                    self.failure = self.failure or over
                    self._interrupt()
                else:
                    say(f"{self.current.name}: {over}")
                    self.mailbox.send(b"t")
            elif killing and now - killing > GRACE:
                self.failure = self.failure or "the host hangs: it does not answer"
                self._interrupt()
                killing = now + 3600

    def _over_time(self, now, deadline):
        if deadline and now > deadline:
            return f"not done within {self.options.timeout:g} s"
        limit = self.options.each_timeout
        if limit and self.current and now - self.current.started > limit:
            return f"not done within its {limit:g} s"
        return None

    def _interrupt(self):
        """Stops the emulator to see where its CPUs are; _stopped() goes on from there."""
        self.machine.interrupt()

    def _stopped(self, screen):
        where = [line.strip() for line in screen.replace("\r", "\n").split("\n") if re.match(r".*\(unk\. ctxt\)|CPU\d+ at ", line)]
        self.log.lines += ["stopped at: " + line for line in where[-self.options.cpus:]]
        if not self.failure:
            self.failure = "the emulator stopped"

    def _frame(self, kind, body, now, begin):
        if kind == "o":
            self._output(body)
        elif kind == "k":
            line = self.log.record(body)
            if self.kernel_shown:
                self._line(line)
            if self.up:
                self._note_troubles()
        elif kind == "r":
            self.up = True
            if self.options.verbose or self.options.cold:
                say(f"host up after {now - begin:.1f} s ({body.decode()})")
            self.boot_notes += self.log.take_troubles()
        elif kind == "s":
            index = int(body)
            if index < len(self.scripts):
                self.current = self.scripts[index]
                self.current.started = now
        elif kind == "x":
            index, status = body.split()
            if int(index) < len(self.scripts):
                script = self.scripts[int(index)]
                script.status = int(status)
                script.seconds = now - (script.started or now)
                self._note_troubles()
                self._verdict(script)
            self.current = None
        elif kind == "m":
            self.mailbox.taken = int(body)
        elif kind == "f":
            self.results.write(body)
        elif kind == "e":
            self.finished = True

    def _note_troubles(self, last=False):
        for trouble in self.log.take_troubles(last):
            if self.current:
                self.current.reasons.append(trouble)
            else:
                self.failure = self.failure or trouble

    def _output(self, body):
        if self.prefix:
            body = b"".join(self.prefix.encode() + line for line in body.splitlines(True))
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()

    def _line(self, text):
        end = "\r\n" if self.options.interactive else "\n"
        sys.stdout.write(f"{self.prefix}{text}{end}")
        sys.stdout.flush()

    # -- afterwards

    def _verdict(self, script):
        if script.reasons:
            self._line(f"=== {script.name}: HOST FAILED: {script.reasons[0]}")
        elif script.status is None:
            self._line(f"=== {script.name}: NOT RUN")
        elif script.status:
            self._line(f"=== {script.name}: FAILED with status {script.status} ({script.seconds:.1f} s)")
        else:
            self._line(f"=== {script.name}: passed ({script.seconds:.1f} s)")

    def _report(self):
        self.log.serial_text(b"\n")
        self._note_troubles(last=not self.finished)
        for script in self.scripts:
            if script.status is None:
                if script is self.current and self.failure and not script.reasons:
                    script.reasons.append(self.failure)
                self._verdict(script)
        if self.boot_notes and (self.options.verbose or self.options.cold):
            self._line("=== the kernel said while booting: " + "; ".join(self.boot_notes))
        if self.options.out and self.results.tell():
            os.makedirs(self.options.out, exist_ok=True)
            self.results.seek(0)
            with tarfile.open(fileobj=self.results) as tar:
                tar.extractall(self.options.out)
        sick = self.failure or any(script.reasons for script in self.scripts)
        if sick:
            self._line(f"=== HOST FAILED: {self.failure or 'see the verdicts'}; its log ends with:")
            for line in self.log.tail():
                self._line("    " + line)
            return STATUS_HOST
        return next((script.verdict for script in self.scripts if script.verdict), 0)


def execute(options):
    """Runs with the terminal and the signals in order; returns the exit status."""
    one = Run(options)

    def stop(number, _frame):
        # The main thread may be waiting for the emulator, with a lock held: the way out ends it, not this handler.
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    saved = None
    if options.interactive and os.isatty(0):
        saved = termios.tcgetattr(0)
        say("a shell in the emulated host; Ctrl-] or exit ends it")
        tty.setraw(0)
    try:
        return one.execute()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return STATUS_LAB
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
