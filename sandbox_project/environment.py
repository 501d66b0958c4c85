"""Where the demo keeps its files and which addresses it uses, as an environment for all parts."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cryptography.fernet import Fernet

from .development_keys import development_key
from .processes import free_port

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / ".sandbox"
BIN = Path(sys.executable).parent
SWEEP_SECONDS = 5
WATCH_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Environment:
    database: Path
    logs: Path
    shop_port: int
    fake_port: int
    redis_port: int  # 0: a Redis was given
    fake_key: str
    environ: dict[str, str]

    @property
    def shop_url(self) -> str:
        return f"http://127.0.0.1:{self.shop_port}"

    @property
    def fake_url(self) -> str:
        return f"http://127.0.0.1:{self.fake_port}"


def write_shell_file(environment: Environment) -> Path:
    """A file by which a shell becomes a part of the sandbox. It holds a key: for its owner only."""
    file = STATE_DIR / "env"
    file.touch(mode=0o600)
    changed = {
        name: value for name, value in environment.environ.items() if os.environ.get(name) != value
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in changed.items()]
    file.write_text("\n".join([*lines, f"export PATH={shlex.quote(str(BIN))}:$PATH", ""]))
    return file


def choose_environment(*, keep: bool) -> Environment:
    """Fresh and anywhere for a demo; friendly and lasting for the sandbox."""
    STATE_DIR.mkdir(exist_ok=True)
    database = STATE_DIR / ("sandbox.sqlite3" if keep else "demo.sqlite3")
    logs = STATE_DIR / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    if not keep:
        for path in STATE_DIR.glob(f"{database.name}*"):
            path.unlink()
    for path in STATE_DIR.glob("beat-schedule*"):
        path.unlink()
    shop_port = free_port(8000 if keep else 0)
    redis_url = os.environ.get("REDIS_URL", "")
    redis_port = 0 if redis_url else free_port()
    return Environment(
        database=database,
        logs=logs,
        shop_port=shop_port,
        fake_port=free_port(8001 if keep else 0),
        redis_port=redis_port,
        fake_key=secrets.token_hex(16),
        environ={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "sandbox_project.settings",
            "DEBUG": "true",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "DATABASE_URL": f"sqlite:///{quote(str(database))}",
            "REDIS_URL": redis_url or f"redis://127.0.0.1:{redis_port}/0",
            "SHOP_URL": f"http://127.0.0.1:{shop_port}",
            "EMAIL_URL": "dummymail://",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "ESPUTNIK_SWEEP_SECONDS": str(SWEEP_SECONDS),
            "ESPUTNIK_WATCH_SECONDS": str(WATCH_SECONDS),
            "ESPUTNIK_ENVIRONMENT": "sandbox" if keep else "demo",
            # A demo begins anew; the sandbox must read tomorrow what it encrypted today.
            "ESPUTNIK_ENCRYPTION_KEYS": (
                development_key(STATE_DIR / "encryption.key")
                if keep
                else Fernet.generate_key().decode()
            ),
        },
    )
