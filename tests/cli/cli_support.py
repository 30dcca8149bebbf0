"""What the tests of the command line share."""
import time


def wait_for(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in %d s" % seconds
        time.sleep(0.01)
