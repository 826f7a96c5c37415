"""Writes to many serial consoles (PTYs) at the pace of 115200 baud, as saturated UARTs would.

Arguments: consoles, seconds, CPU, file of a kernel log, folder for what was sent. Standard output gets {"paths": [...]}; a line on
standard input begins the writing; when all is sent, consoleN.sent is in the folder and standard output gets
{"late": share of the pieces that came when the next one was due}. The PTYs stay until standard input ends.

Each line is a line of the kernel log whose printk stamp is CLOCK_MONOTONIC right before the write of its first byte.
"""
import gc
import json
import os
import re
import sys
import threading
import time
import tty

BYTES_PER_SECOND = 11_520
# A 16550's FIFO, which is what a UART passes on in one go.
PIECE_BYTES = 16
END = "end of console"


class Console:
    def __init__(self, messages, first):
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)
        # Else what is written before the reader has set the port up comes back as an echo.
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.messages = messages
        self.number = first
        self.pending = b""
        self.sent = []

    def line(self, message):
        now = time.monotonic_ns() // 1000
        text = "[%5d.%06d] #%d %s\r\n" % (now // 1_000_000, now % 1_000_000, self.number, message)
        self.number += 1
        return text.encode("latin1")

    def piece(self):
        while len(self.pending) < PIECE_BYTES:
            self.pending += self.line(self.messages[self.number % len(self.messages)])
        self.write(self.pending[:PIECE_BYTES])
        self.pending = self.pending[PIECE_BYTES:]

    def finish(self):
        self.write(self.pending + self.line(END))

    def write(self, data):
        self.sent.append(data)
        try:
            # What is not taken is lost, as in a UART that nobody empties: the reader is found out by it.
            os.write(self.master, data)
        except BlockingIOError:
            pass


def send(consoles, seconds):
    """The consoles take turns, so that each has a piece due every 1.4 ms. Returns the share of pieces later than that."""
    period = PIECE_BYTES / BYTES_PER_SECOND * 1e9
    step = period / len(consoles)
    pieces = int(seconds * 1e9 / step)
    late = 0
    start = time.monotonic_ns()
    for number in range(pieces):
        due = start + int(number * step)
        while (wait := due - time.monotonic_ns()) > 0:
            time.sleep(wait / 1e9)
        late += -wait > period
        consoles[number % len(consoles)].piece()
    for console in consoles:
        console.finish()
    return late / pieces


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def main():
    count, seconds, cpu, log, folder = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    os.sched_setaffinity(0, {cpu})
    with open(log, encoding="latin1") as file:
        messages = [re.sub(r"^\[ *\d+\.\d+\] ", "", line.rstrip("\n")) for line in file]
    # Each begins elsewhere in the log, so that no two say the same at once.
    consoles = [Console(messages, index * len(messages) // count) for index in range(count)]
    print(json.dumps({"paths": [console.path for console in consoles]}), flush=True)
    if not sys.stdin.readline():
        return
    threading.Thread(target=end_with_parent, daemon=True).start()
    gc.disable()
    late = send(consoles, seconds)
    for index, console in enumerate(consoles):
        with open(os.path.join(folder, "console%d.sent" % index), "wb") as file:
            file.write(b"".join(console.sent))
    print(json.dumps({"late": late}), flush=True)
    threading.Event().wait()


main()
