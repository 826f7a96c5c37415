"""Reads many serial consoles with pexpect on pyserial's ports, and records and stamps their lines.

Arguments: CPU, seconds to wait at most where nothing comes, folder, path of each port. Standard output gets {"pid": n} once all are open,
and {} when each has said its last line: consoleN.raw and consoleN.log are in the folder then, as the harness writes them.

This is pexpect as fast as it can be made here: one thread with a selector instead of a thread for each console, strings
instead of patterns, and without its pause of 0.1 ms after each read.
"""
import json
import os
import selectors
import sys
import threading
import time

import serial
from pexpect import TIMEOUT, fdpexpect

END = b"end of console"


class Recording:
    """pexpect's logfile: keeps the raw bytes, and when the first byte of a line came."""

    def __init__(self, folder, name):
        self.raw = open(os.path.join(folder, name + ".raw"), "wb")
        self.log = open(os.path.join(folder, name + ".log"), "w", encoding="latin1")
        self.at = 0.0
        self.line_at = None

    def write(self, data):
        self.at = time.monotonic()
        if self.line_at is None:
            self.line_at = self.at
        self.raw.write(data)

    def flush(self):
        self.raw.flush()

    def line(self, text, more):
        self.log.write("[%12.6f] %s\n" % (self.line_at, text.decode("latin1")))
        # What is left over of this read begins the next line.
        self.line_at = self.at if more else None

    def close(self):
        self.raw.close()
        self.log.close()


def open_console(path, recording):
    port = serial.Serial(path, 115200, timeout=0)
    console = fdpexpect.fdspawn(port, logfile=recording, use_poll=True)
    console.delayafterread = None
    return port, console


def read(console, recording):
    """Takes what has come. Returns whether that was the last line."""
    while console.expect_exact([b"\r\n", TIMEOUT], timeout=0) == 0:
        recording.line(console.before, len(console.buffer) > 0)
        if END in console.before:
            return True
    return False


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def main():
    cpu, timeout, folder, paths = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    os.sched_setaffinity(0, {cpu})
    threading.Thread(target=end_with_parent, daemon=True).start()
    selector = selectors.DefaultSelector()
    for index, path in enumerate(paths):
        recording = Recording(folder, "console%d" % index)
        port, console = open_console(path, recording)
        selector.register(port, selectors.EVENT_READ, (console, recording))
    print(json.dumps({"pid": os.getpid()}), flush=True)
    while selector.get_map():
        ready = selector.select(timeout)
        if not ready:
            break
        for key, _ in ready:
            console, recording = key.data
            if read(console, recording):
                selector.unregister(key.fileobj)
                recording.close()
    print(json.dumps({}), flush=True)
    threading.Event().wait()


main()
