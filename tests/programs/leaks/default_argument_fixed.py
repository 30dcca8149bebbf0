"""It is made anew for each call.

Truth
-----
command: diagnose
verdict: clean|not_a_leak
"""

import time


class Problem:
    def __init__(self, field):
        self.field = field


def validate(form, problems=None):
    problems = [] if problems is None else problems
    for field, value in form.items():
        if not value:
            problems.append(Problem(field))
    return len(problems)


def step():
    validate({"name": "", "street": "Long Road", "town": ""})


def main():
    print("READY", flush=True)
    while True:
        step()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
