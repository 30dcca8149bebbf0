"""The list of a default argument is one for all calls.

Truth
-----
command: diagnose
verdict: leak
kind: growing-container
what: Warning|Problem|dict
holder: .*(validate|defaults|problems).*
site: LEAK
remedy: remove-entry|bound|del|hoist
"""

import time


class Problem:
    def __init__(self, field):
        self.field = field


def validate(form, problems=[]):
    for field, value in form.items():
        if not value:
            problems.append(Problem(field))  # MARK: LEAK
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
