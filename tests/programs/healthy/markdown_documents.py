"""Markdown with code that Pygments colours, and YAML at the head of each document.

Needs: markdown, pygments, pyyaml
Garbage: Markdown's parser
"""

import time

import markdown
import yaml

TEXT = """# Document %d

Some *text* with a [link](https://example.org/%d), and a table:

| a | b |
|---|---|
| 1 | 2 |

```python
def f(x):
    return x + %d
```
"""


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        head = yaml.safe_load(yaml.safe_dump({"title": "document %d" % number, "tags": ["a", "b"], "n": number}))
        html = markdown.markdown(TEXT % (number, number, number), extensions=["fenced_code", "codehilite", "tables"])
        assert head["title"] and html
        time.sleep(0.02)


if __name__ == "__main__":
    main()
