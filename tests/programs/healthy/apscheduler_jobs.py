"""APScheduler: jobs at intervals, and jobs that run once and are gone.

Needs: apscheduler
"""

import datetime
import threading
import time

from apscheduler.schedulers.background import BackgroundScheduler

DONE = {"often": 0, "once": 0}
LOCK = threading.Lock()


def count(what):
    with LOCK:
        DONE[what] += 1


def main():
    scheduler = BackgroundScheduler()
    scheduler.start()
    for n in range(5):
        scheduler.add_job(count, "interval", seconds=0.2 + n / 10, args=["often"], max_instances=2)
    print("READY", flush=True)
    while True:
        at = datetime.datetime.now() + datetime.timedelta(seconds=0.5)
        scheduler.add_job(count, "date", run_date=at, args=["once"], misfire_grace_time=30)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
