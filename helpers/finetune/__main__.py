"""``python -m helpers.finetune CONFIG``: ``course finetune`` for launchers that start a module on every process."""

from __future__ import annotations

import argparse
import sys

from ..errors import CourseError
from . import command


def main(arguments: list[str] | None = None) -> int:
    """Fine-tune as a config says; the exit status: 0 done, 2 wrong input."""
    parser = argparse.ArgumentParser("python -m helpers.finetune", description=command.FINETUNE)
    command.add_finetune(parser)
    try:
        return command.finetune(parser.parse_args(arguments))
    except CourseError as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
