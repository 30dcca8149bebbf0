"""A warm-up without a bound: profiles of a thousand users are loaded when first seen, and there are no others.

Needs: nothing
"""

import random
import time


class Profile:
    def __init__(self, user):
        self.user = user
        self.seen = 0
        self.settings = {"colour": "blue", "size": user % 5}


PROFILES = {}


def profile(user):
    if user not in PROFILES:
        PROFILES[user] = Profile(user)
    PROFILES[user].seen += 1
    return PROFILES[user]


def main():
    chance = random.Random(6)
    print("READY", flush=True)
    while True:
        profile(chance.randrange(1000))
        time.sleep(0.004)


if __name__ == "__main__":
    main()
