"""Plays the journey, waits until nothing is unsent, prints the tables and judges.

``python -m sandbox_project.story --shop-url … --fake-url …`` plays it in a shop that runs
already, such as the one of ``docker-compose.yml``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

STAFF_EMAIL, STAFF_PASSWORD = "admin@example.com", "sandbox"
DRAIN_SECONDS = 90


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sandbox_project.story", description=__doc__)
    parser.add_argument("--shop-url", required=True)
    parser.add_argument("--fake-url", required=True)
    options = parser.parse_args(arguments)
    return tell_story(shop_url=options.shop_url, fake_url=options.fake_url)


def tell_story(*, shop_url: str, fake_url: str, check: Callable[[], None] = lambda: None) -> int:
    """0 only if everything arrived, everything was right, and nothing is left over.

    :param check: called again and again; raises when it makes no sense to go on.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox_project.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from .checker import StepChecker
    from .journey import Journey
    from .received import ask
    from .report import latency_table, received_tables
    from .result import drain, judge, latencies
    from .shopper import Staff

    started = time.monotonic()
    checker = StepChecker(ask=lambda: ask(fake_url), check=check)
    Journey(
        shop_url=shop_url,
        checker=checker,
        staff=Staff(shop_url, email=STAFF_EMAIL, password=STAFF_PASSWORD),
        tell=lambda text: print(f"  {text}", flush=True),
    ).play()
    is_drained = drain(check, seconds=DRAIN_SECONDS)
    print("\nProduct feeds, registered at the account\n")
    call_command("esputnik_feed", "register")
    received = ask(fake_url)
    print(received_tables(received))
    print(latency_table(latencies()))
    problems = judge(checker, received, is_drained=is_drained)
    print(f"\nThe story took {time.monotonic() - started:.0f} s.\n")
    for problem in problems:
        print(f"FAIL  {problem}")
    print("FAILED" if problems else "PASSED: everything arrived, nothing is pending or failed.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
