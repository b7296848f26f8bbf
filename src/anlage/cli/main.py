"""What is typed, and what an error looks like to the one who typed it."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from anlage.cli import divide, fetch, foresee, live, resize, run, segment, show, take_in, wiring
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError, Diverged

EXIT_ERROR, EXIT_DIVERGED, EXIT_INTERRUPTED = 1, 3, 130


def parser() -> argparse.ArgumentParser:
    """What can be typed."""
    top = argparse.ArgumentParser(
        prog="anlage", description="Grow networks from real brain wiring, and measure what it was worth."
    )
    verbs = Verbs(top)
    for verbs_of in (show, fetch, take_in, segment, wiring, divide, resize, run, live, foresee):
        verbs_of.add(verbs)
    return top


@contextmanager
def _killed_like_interrupted() -> Iterator[None]:
    """A polite kill ends like Ctrl-C: worker processes end too, and what was finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when it worked, 1 after an error, 3 when learning diverged or collapsed, 130 after Ctrl-C."""
    args = parser().parse_args(argv)
    try:
        with _killed_like_interrupted():
            args.function(args)
    except AnlageError as error:
        print(f"anlage: {error}", file=sys.stderr)
        return EXIT_DIVERGED if isinstance(error, Diverged) else EXIT_ERROR
    except KeyboardInterrupt:
        way = "add --resume to go on" if hasattr(args, "resume") else "run the same command again"
        print(f"\nanlage: interrupted; what was finished is kept, {way}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        print("anlage: memory ran out; use a smaller connectome, batch or recipe, or fewer --workers.", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:
        return EXIT_ERROR
    except OSError as error:
        where, why = error.filename or "A file", error.strerror or error
        print(f"anlage: {where} cannot be used ({why}); check the path and who may read and write it.", file=sys.stderr)
        return EXIT_ERROR
    return 0
