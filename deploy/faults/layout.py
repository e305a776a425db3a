"""Where the parts of a fault run find each other: one file that every process reads."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

IDLE_IN_TRANSACTION_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """Addresses of the backends, by service, and the file in which the shovel writes down what it heard."""

    admin_postgres: str
    admin_amqp: str
    postgres: dict[str, str]
    amqp: dict[str, str]
    wire: str
    seed: int

    def named_postgres(self, service: str, name: str) -> str:
        """The DSN of a service for a process that can be told apart at the server, and is cut off when it freezes."""
        options = quote(f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s")
        return f"{self.postgres[service]}?application_name={quote(name)}&options={options}"

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        path.chmod(0o600)

    @classmethod
    def read(cls, path: str) -> "Layout":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
