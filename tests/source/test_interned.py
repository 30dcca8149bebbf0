"""Which lines intern strings that the source does not spell out?"""


def test_calls_of_intern_come_first_then_attribute_names_made_at_run_time(project):
    project.write(
        "app.py",
        """
        import sys
        from sys import intern as keep

        class Record: pass

        def read(line):
            record = Record()
            setattr(record, line, 1)  # THERE
            setattr(record, "fixed", 1)
            sys.intern("fixed")
            return sys.intern(line)  # HERE

        def other(line):
            return keep(line)  # HERE
        """,
    )
    assert project.places("interned") == project.marks["HERE"] + project.marks["THERE"]


def test_a_function_of_that_name_is_not_the_interpreters(project):
    project.write(
        "app.py",
        """
        def intern(text):
            return text

        def read(line):
            return intern(line)
        """,
    )
    assert project.ask("interned") is None
    assert any("no line" in note for note in project.notes)
