"""Trains a classifier in a process of its own: examples as JSON on the standard input, one JSON object per line on the standard output.

Lines are {share, text} while it goes on; the last is {model, report}, or {problems} for examples that cannot make a classifier.
"""

import sys
from typing import Any

import msgspec

from server.flows.intents.examples import CannotTrain
from server.flows.intents.train import train


def main() -> None:
    """Train and tell."""
    examples = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, str]])
    try:
        model = train(examples, lambda share, text: _tell(share=share, text=text))
    except CannotTrain as error:
        _tell(problems=error.problems)
    else:
        _tell(model=model.to_bytes(), report=model.report)


def _tell(**said: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
