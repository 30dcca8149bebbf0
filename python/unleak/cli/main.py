"""The command line. `main` finds the command, reads its settings, runs it, and turns failures into exit statuses."""
from __future__ import annotations

import sys
from typing import List, Optional

from unleak.cli import errors, registry


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = dispatch(words)
        sys.stdout.flush()
        return status
    except errors.Failure as failure:
        report(failure)
        return failure.status
    except BrokenPipeError:
        # Whoever read our output has gone; the flush at exit must not fail a second time.
        import os
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return errors.FAILED
    except KeyboardInterrupt:
        return errors.INTERRUPTED


def dispatch(words: List[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return errors.OK if words else errors.USAGE
    if words[0] in ("-V", "--version"):
        print("unleak " + version())
        return errors.OK
    name = words[0]
    if name not in registry.COMMANDS:
        raise unknown_command(name)
    from unleak.cli import settings
    module = registry.load(name)
    parser = settings.parser(name, registry.COMMANDS[name])
    module.add_arguments(parser)
    settings.apply(parser, name)
    rest = words[1:]
    if hasattr(module, "split"):        # `run`: what belongs to the program is not ours to parse
        rest, program = module.split(rest, parser)
        return module.execute(parser.parse_args(rest), program)
    return module.execute(parser.parse_args(rest))


def version() -> str:
    import unleak
    return unleak.__version__


def overview() -> str:
    width = max(map(len, registry.COMMANDS))
    lines = ["usage: unleak COMMAND [options]   (unleak COMMAND --help says more)", "",
             "Finds what leaks memory in a running Python program, who holds it and which line put it there.", ""]
    lines += ["  %-*s  %s" % (width, name, text) for name, text in registry.COMMANDS.items()]
    lines += ["", "start with:  unleak run script.py   or   unleak diagnose PID   (unleak doctor PID, if that does not work)", "",
              "exit status: 0 nothing found, 1 findings, 2 usage, 3 could not be done, 130 interrupted"]
    return "\n".join(lines)


def unknown_command(name: str) -> errors.Failure:
    import difflib
    close = difflib.get_close_matches(name, registry.COMMANDS, 1)
    return errors.usage("there is no command %r" % name,
                        "did you mean `unleak %s`?" % close[0] if close else "see `unleak --help`")


def report(failure: errors.Failure) -> None:
    from unleak.cli.text import printable
    sys.stderr.write("unleak: %s\n" % printable(failure.message))
    if failure.hint:
        sys.stderr.write("        %s\n" % printable(failure.hint))
