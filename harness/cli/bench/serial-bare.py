"""Reads many serial consoles, takes the time of each line, and does nothing else until the end: what the machine allows.

Arguments and messages are those of serial-pexpect.py.
"""
import gc
import json
import os
import selectors
import sys
import threading
import time

END = b"end of console\r\n"
READ_BYTES = 4096


class Console:
    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.chunks = []

    def read(self):
        """Takes what has come. Returns whether that was the last line."""
        data = os.read(self.file, READ_BYTES)
        self.chunks.append((time.monotonic(), data))
        return data.endswith(b"\n") and b"".join(data for _, data in self.chunks[-3:]).endswith(END)

    def save(self, name):
        with open(name + ".raw", "wb") as raw, open(name + ".log", "wb") as log:
            raw.write(b"".join(data for _, data in self.chunks))
            line, line_at = b"", 0.0
            for at, data in self.chunks:
                for part in data.splitlines(keepends=True):
                    if not line:
                        line_at = at
                    line += part
                    if part.endswith(b"\n"):
                        log.write(b"[%12.6f] %s\n" % (line_at, line.rstrip()))
                        line = b""


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def main():
    cpu, timeout, folder, paths = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    os.sched_setaffinity(0, {cpu})
    threading.Thread(target=end_with_parent, daemon=True).start()
    gc.disable()
    selector = selectors.DefaultSelector()
    consoles = [Console(path) for path in paths]
    for console in consoles:
        selector.register(console.file, selectors.EVENT_READ, console)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    while selector.get_map():
        ready = selector.select(timeout)
        if not ready:
            break
        for key, _ in ready:
            if key.data.read():
                selector.unregister(key.fileobj)
    for index, console in enumerate(consoles):
        console.save(os.path.join(folder, "console%d" % index))
    print(json.dumps({}), flush=True)
    threading.Event().wait()


main()
