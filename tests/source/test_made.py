"""Which lines make objects of a type."""

CLASS = "class Packet:\n    def __init__(self, n):\n        self.n = n\n"


def test_calls_of_the_class(project):
    project.write(
        "app.py", CLASS + "def send(n):\n    return Packet(n)  # HERE\nclass Other: pass\ndef no():\n    Other()\n"
    )
    assert project.places("made", type="app.Packet") == project.marks["HERE"]


def test_calls_in_other_files_and_own_methods(project):
    project.write("wire.py", CLASS + "    @classmethod\n    def of(cls, n):\n        return cls(n)  # HERE\n")
    project.write("app.py", "import wire\ndef send(n):\n    return wire.Packet(n)  # HERE\n")
    assert sorted(project.places("made", type="wire.Packet")) == sorted(project.marks["HERE"])


def test_what_was_seen_running_comes_first(project):
    path = project.write(
        "app.py",
        CLASS + "def once(n):\n    return Packet(n)\ndef often(n):\n    return Packet(n)  # HERE\nFIRST = Packet(0)\n",
    )
    frames = [{"file": path, "function": "often", "line": 7}]
    assert project.places("made", type="app.Packet", frames=frames)[0] in project.marks["HERE"]


def test_native_type_by_its_name_before_other_calls_into_its_module(project):
    project.write(
        "app.py",
        """
        from fast.tree import Node, parse
        import fast.tree
        def build(n):
            parse(n)
            return fast.tree.Node(n)  # HERE
        """,
    )
    places = project.places("made", type="fast.tree.Node")
    assert places[0] in project.marks["HERE"] and len(places) == 2


def test_module_that_hides_a_native_one(project):
    project.write("app.py", "import decimal\ndef price(n):\n    return decimal.Decimal(n)  # HERE\n")
    assert project.places("made", type="_decimal.Decimal")[0] in project.marks["HERE"]


def test_builtin_type_is_not_answered(project):
    project.write("app.py", "def f():\n    return str(1)\n")
    assert project.ask("made", type="str") is None
    assert any("no line that makes str objects" in note for note in project.notes)
