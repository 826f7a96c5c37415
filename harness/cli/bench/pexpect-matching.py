"""Finds signatures in a log with pexpect. Arguments: log, maxread, searchwindowsize (0: pexpect's default).

Standard input holds the patterns as a JSON list; standard output gets {"seconds": s, "hits": [pattern index, ...]}.
"""
import json
import re
import sys
import time

from pexpect import EOF, fdpexpect

log, maxread, window = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
patterns = [re.compile(source.encode("latin1")) for source in json.load(sys.stdin)]
with open(log, "rb") as file:
    console = fdpexpect.fdspawn(file, timeout=None, maxread=maxread, searchwindowsize=window or None)
    wanted = console.compile_pattern_list([*patterns, EOF])
    hits = []
    start = time.monotonic()
    while True:
        index = console.expect_list(wanted)
        if index == len(patterns):
            break
        hits.append(index)
    seconds = time.monotonic() - start
json.dump({"seconds": seconds, "hits": hits}, sys.stdout)
