# SPDX-License-Identifier: GPL-2.0-only
"""Tells a healthy host's log from a sick one's."""

import re

# What the kernel says when it finds itself broken. Programs' own faults
# ("traps: x[1] general protection fault ip:") are not among them.
TROUBLE = re.compile(
    r"Kernel panic|\bOops\b|BUG:|WARNING:|general protection fault[,:]|double fault:"
    r"|Unable to handle|unable to handle|KASAN:|KCSAN:|UBSAN:|KFENCE:|kernel BUG at"
    r"|possible (circular|recursive) locking|possible irq lock inversion|inconsistent lock state"
    r"|suspicious RCU usage|held lock freed|INFO: (rcu|task|trying)|detected stalls|soft lockup"
    r"|hard LOCKUP|list_(add|del) corruption|refcount_t:|unchecked MSR access|bad page state"
    r"|Bad page (state|map)|kmemleak: \d+ new|scheduling while atomic|sleeping function called"
    r"|Out of memory: Killed")
DEADLY = re.compile(r"Kernel panic|end Kernel panic|kernel BUG at|\bOops\b|general protection fault[,:]")


class HostLog:
    """Collects the kernel's log and the troubles found in it."""

    def __init__(self, allowed=()):
        self.lines = []
        self.serial = ""
        self.allowed = [re.compile(pattern) for pattern in allowed]
        self.troubles = []
        self.last_words = []    # deadly lines of the serial log: kept for when kmsg is cut short
        self.deadly = False
        self.first = None       # of self.lines, where the first trouble is

    def record(self, body):
        """One /dev/kmsg record: "priority,sequence,time,flags;text". Returns the line to show."""
        head, _, text = body.decode(errors="replace").partition(";")
        text = text.split("\n")[0]
        fields = head.split(",")
        try:
            priority, stamp = int(fields[0]), int(fields[2])
        except (ValueError, IndexError):
            priority, stamp = 4, 0
        line = f"[{stamp / 1e6:12.6f}] {text}"
        self.lines.append(line)
        if priority >> 3 == 0:          # facility 0: said by the kernel, not written by a program
            self._judge(text)
        return line

    def serial_text(self, data):
        """What came over the serial line; judged because a dying kernel says it only there."""
        self.serial += data.decode(errors="replace").replace("\r", "")
        *whole, self.serial = self.serial.split("\n")
        for line in whole:
            text = re.sub(r"^\[ *\d+\.\d+\] ", "", line)
            if DEADLY.search(text) and not any(p.search(text) for p in self.allowed):
                self.last_words.append(text)
                self.deadly = True
            self.lines.append("serial: " + line)

    def _judge(self, text):
        if not TROUBLE.search(text) or any(p.search(text) for p in self.allowed):
            return
        if text not in self.troubles:
            self.troubles.append(text)
        if self.first is None:
            self.first = len(self.lines) - 1
        if DEADLY.search(text):
            self.deadly = True

    def take_troubles(self, last=False):
        """Troubles since the last call; at the end also what only the serial line told."""
        found, self.troubles = self.troubles, []
        if last:
            found += [text for text in self.last_words if text not in found]
        return found

    def tail(self, count=60):
        """The last lines; and if they do not show it any more, what the first trouble was."""
        if self.first is None or self.first >= len(self.lines) - count:
            return self.lines[-count:]
        about = [line for line in self.lines[self.first - min(3, self.first):self.first + 2 * count]
                 if not line.startswith("serial: ")]
        return about[:count + 10] + ["..."] + self.lines[-count // 2:]
