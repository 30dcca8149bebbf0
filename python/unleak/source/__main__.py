"""`python -m unleak.source < questions.json > answers.json`"""

import json
import sys

from .answers import answer


def main() -> int:
    """Reads one questions document from stdin, writes the answers to stdout; 2 if the input is no such document."""
    try:
        questions = json.load(sys.stdin)
    except (ValueError, RecursionError) as error:
        print("unleak.source: stdin is not a questions document (JSON): %s" % error, file=sys.stderr)
        return 2
    if not isinstance(questions, dict):
        print("unleak.source: stdin must hold one JSON object with a list `questions`", file=sys.stderr)
        return 2
    json.dump(answer(questions), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
