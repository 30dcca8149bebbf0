"""lxml and BeautifulSoup: feeds parsed, searched, changed and written; the last ten are at hand.

Needs: lxml, beautifulsoup4
Garbage: BeautifulSoup's trees
"""

import collections
import time

from bs4 import BeautifulSoup
from lxml import etree

LAST = collections.deque(maxlen=10)


def feed(number):
    items = "".join("<item><title>news %d.%d</title><p>text</p></item>" % (number, n) for n in range(30))
    root = etree.fromstring("<rss><channel>%s</channel></rss>" % items)
    titles = root.xpath("//item/title/text()")
    for item in root.iter("item"):
        item.set("seen", "yes")
    soup = BeautifulSoup(etree.tostring(root), "lxml")
    LAST.append((titles, [tag.get_text() for tag in soup.find_all("p")]))


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        feed(number)
        time.sleep(0.03)


if __name__ == "__main__":
    main()
