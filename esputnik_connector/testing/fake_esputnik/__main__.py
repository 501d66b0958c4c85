"""python -m esputnik_connector.testing.fake_esputnik"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from .fake import FakeEsputnik
from .settings import Settings


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = Settings(
        rate=options.rate, has_state_page=options.state_page, segmentation=options.segmentation
    )
    try:
        fake = FakeEsputnik(
            host=options.host,
            port=options.port,
            key=options.key,
            settings=settings,
            is_strict=False,
        )
        fake.start()
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    with fake:
        sys.stdout.write(f"Fake eSputnik: {fake.url}\nAPI: {fake.api_url}\n")
        sys.stdout.write(f"Tracker: {fake.tracker_url}\nKey: {options.key}\n")
        sys.stdout.flush()
        stopping.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    env = os.environ
    parser = argparse.ArgumentParser(
        prog="python -m esputnik_connector.testing.fake_esputnik",
        description="An eSputnik that exists on this machine only.",
    )
    parser.add_argument("--host", default=env.get("FAKE_ESPUTNIK_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(env.get("FAKE_ESPUTNIK_PORT", "8090")))
    parser.add_argument("--key", default=env.get("FAKE_ESPUTNIK_KEY", "fake-key"))
    parser.add_argument("--rate", type=int, default=0, help="requests per second before a 429")
    parser.add_argument(
        "--state-page",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show at / what the fake holds",
    )
    parser.add_argument(
        "--segmentation",
        action="store_true",
        help="the merchant has switched every event type on for segmentation",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
