"""A program under a seccomp filter that ends it for clone(2), restart_syscall(2) and wait4(2).

argv: what to do behind the filter. "wait": threads in timed waits; "busy": one computes; "fork", "stopped": what the filter
forbids, directly and by way of a stop in a timed wait. Prints "ready", then answers each line it reads, to the end of its
standard input.
"""

import ctypes
import os
import select
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE, FORK, VFORK, WAIT4, RESTART_SYSCALL, CLOCK_NANOSLEEP, SECCOMP, CLONE3 = 56, 57, 58, 61, 219, 230, 317, 435
FORBIDDEN = (CLONE, FORK, VFORK, WAIT4, RESTART_SYSCALL, CLONE3)
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
SET_MODE_FILTER, ALL_THREADS, SET_NO_NEW_PRIVS = 1, 1, 38


def install_filter():
    steps = [(LOAD_WORD, 0, 0, 0)]  # seccomp_data.nr
    for left, number in enumerate(reversed(FORBIDDEN)):
        steps.insert(1, (JUMP_IF_EQUAL, left + 1, 0, number))
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL_PROCESS)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    if LIBC.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or LIBC.syscall(SECCOMP, SET_MODE_FILTER, ALL_THREADS, program):
        sys.exit("no filter: " + os.strerror(ctypes.get_errno()))


class Session:
    def __init__(self, number):
        self.token = "token %d" % number


SESSIONS = {number: Session(number) for number in range(1000)}
READ_END, WRITE_END = os.pipe()
STEPS = 0


def count():
    global STEPS
    while True:
        STEPS += 1


def start(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


def wait_in_threads():
    poll = select.poll()
    poll.register(READ_END, select.POLLIN)
    start(poll.poll, 600_000)
    start(select.select, [READ_END], [], [], 600)
    start(time.sleep, 600)
    start(threading.Event().wait, 600)
    start(LIBC.usleep, 600_000_000)


def all_wait():
    """All threads but this one are in a system call, and one of them in one that restart_syscall(2) goes on with."""
    tasks = "/proc/self/task/"
    calls = [
        open(tasks + task + "/syscall").read().split()[0] for task in os.listdir(tasks) if int(task) != os.getpid()
    ]
    return "running" not in calls and str(CLOCK_NANOSLEEP) in calls


def main():
    what = sys.argv[1]
    wait_in_threads() if what == "wait" else start(count) if what == "busy" else None
    while what == "wait" and not all_wait():
        time.sleep(0.001)
    install_filter()
    if what == "fork":
        os.fork()
    if what == "stopped":
        print("ready", flush=True)
        LIBC.usleep(600_000_000)
    print("ready", flush=True)
    for line in sys.stdin:
        print("heard", line.strip(), len(SESSIONS), flush=True)
    os._exit(0)


main()
