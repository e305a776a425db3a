"""The compiled heart of the engine: plain arrays in, plain arrays out.

numba keeps what it has compiled by the source file of each function alone, so that a caller would go on with the old
code of what it calls. The cache therefore lies in a folder named after all sources of this room.
"""

from hashlib import sha256
from pathlib import Path

from numba.core import config

_ROOM = Path(__file__).parent
SOURCES = sha256(b"".join(path.read_bytes() for path in sorted(_ROOM.glob("*.py")))).hexdigest()[:16]

if not config.CACHE_DIR:
    config.CACHE_DIR = str(_ROOM / "__pycache__" / SOURCES)
