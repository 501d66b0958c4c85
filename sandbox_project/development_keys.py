"""Keys for development, made on first use, so that none is ever committed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet


def development_key(path: Path) -> str:
    """The key kept in ``path``; two processes that start at once agree on one."""
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        try:
            os.link(draft, path)  # fails if another process was first: its key counts
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text().strip()
