"""Jinja2 and Mako: many templates, compiled when first asked for, through their bounded caches.

Needs: jinja2, mako
Garbage: compiled templates
"""

import time

from jinja2 import DictLoader, Environment
from mako.template import Template

PAGES = {"page%d" % n: "{% for x in items %}{{ x }} %d{% endfor %}".replace("%d", str(n)) for n in range(300)}


def main():
    environment = Environment(loader=DictLoader(PAGES), cache_size=100)
    mako = [Template("% for x in items:\n${x}\n% endfor\n") for _ in range(5)]
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        environment.get_template("page%d" % (number * 7 % 300)).render(items=range(20))
        environment.from_string("{{ number }} of {{ items|length }}").render(number=number, items=[1, 2])
        mako[number % 5].render(items=range(20))
        time.sleep(0.02)


if __name__ == "__main__":
    main()
