"""A numpy and pandas program: frames, groups, a product of matrices by the threads of BLAS, an array that nobody touches."""

import sys

import numpy
import pandas

frame = pandas.DataFrame(
    {
        "key": numpy.arange(400_000) % 1000,
        "value": numpy.random.rand(400_000),
        "name": ["n%d" % (i % 5000) for i in range(400_000)],
    }
)
frame["text"] = frame["name"].str.upper()
table = frame.groupby("key").agg({"value": ["mean", "std"]})
untouched = numpy.zeros(50_000_000)
square = numpy.random.rand(600, 600)
for _ in range(5):
    square = square @ square / 600
sums = frame.groupby("key", as_index=False)["value"].sum()
merged = frame.merge(sums, on="key")
print("READY", flush=True)
sys.stdin.read()
