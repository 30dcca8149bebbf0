"""pandas: frames made, grouped, merged, written and read again.

Written as JSON: to_csv of 3.1.1 loses a reference to the dtype float64 with each call (by sys.getrefcount).

Needs: pandas
"""

import io
import time

import numpy as np
import pandas as pd


def report(number):
    random = np.random.default_rng(number)
    orders = pd.DataFrame(
        {
            "customer": random.integers(0, 100, 5000),
            "amount": random.random(5000),
            "day": pd.date_range("2024-01-01", periods=5000, freq="min"),
        }
    )
    names = pd.DataFrame({"customer": range(100), "name": ["customer %d" % n for n in range(100)]})
    sums = orders.groupby("customer")["amount"].agg(["sum", "mean"]).reset_index().merge(names, on="customer")
    daily = orders.set_index("day")["amount"].resample("D").sum()
    text = sums.to_json(orient="records")
    return len(pd.read_json(io.StringIO(text))) + len(daily)


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        report(number)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
