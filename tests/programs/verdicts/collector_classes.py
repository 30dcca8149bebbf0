"""Classes made and dropped again.

Each is a cycle that the collector frees; until then its base lists it as a subclass.

Truth
-----
command: diagnose
verdict: garbage
kind: reference-cycle|class-churn
what: type
"""

import pace


class Base:
    pass


def step():
    type("Row", (Base,), {"x": 1})


pace.loop(step, rate=30)
