"""Pages, and a cache for them that the program may set."""

cache = None


class Page:
    def __init__(self, path):
        self.path = path
        self.body = path.encode() * 20


def page(path):
    if cache is None:
        return Page(path)
    found = cache.get(path)
    if found is None:
        found = cache[path] = Page(path)
    return found
