"""A small read model in the order service's schema, to rebuild: how much each tab of `tabs` has come to."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from shared.eventstore.connecting import connect
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.eventstore.rebuild import Progress, rebuild
from shared.eventstore.sequencer import Sequencer
from tests.support.database import Database
from tests.unit.eventstore.tabs import CODEC, MASTER_KEY, TABS, DrinkAdded, TabEvent, TabOpened, context, opened, tea

SERVICE = "order"


def apply(tx: Transaction, stored: StoredEvent) -> None:
    """Plain additions: an event that is applied twice, or not at all, is seen in the sum."""
    match CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault):
        case TabOpened(owner_id=owner):
            tx.connection.execute("INSERT INTO tally (tab_id, owner_id) VALUES (%s, %s)", (stored.stream_id, owner))
        case DrinkAdded(cents=cents):
            tx.connection.execute(
                "UPDATE tally SET cents = cents + %s, drinks = drinks + 1 WHERE tab_id = %s",
                (cents, stored.stream_id),
            )


def apply_many(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    """The same, a batch folded before it is written."""
    owners: dict[str, str] = {}
    cents: Counter[str] = Counter()
    drinks: Counter[str] = Counter()
    for stored in events:
        match CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault):
            case TabOpened(owner_id=owner):
                owners[stored.stream_id] = owner
            case DrinkAdded(cents=more):
                cents[stored.stream_id] += more
                drinks[stored.stream_id] += 1
    tx.connection.execute(
        "INSERT INTO tally (tab_id, owner_id) SELECT * FROM unnest(%s::text[], %s::text[])",
        (list(owners), list(owners.values())),
    )
    tx.connection.execute(
        "UPDATE tally SET cents = tally.cents + new.cents, drinks = tally.drinks + new.drinks"
        " FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS new (tab_id, cents, drinks)"
        " WHERE tally.tab_id = new.tab_id",
        (list(cents), list(cents.values()), [drinks[tab] for tab in cents]),
    )


def projection(version: int = 1, **changes: Any) -> Projection:
    return Projection(**{"name": "tally", "version": version, "apply": apply, "tables": ("tally",), **changes})


@dataclass(frozen=True)
class Bar:
    """A store with a live projection, and those who look after it."""

    database: Database
    store: PostgresStore
    sequencer: Sequencer

    def serve(self, tabs: int, drinks: int) -> int:
        """Opens tabs with drinks on them; the position that the log then has."""
        first = self.store.log_position()
        for number in range(tabs):
            round_of_drinks: list[TabEvent] = [opened(), *[tea()] * drinks]
            self.store.append(TABS, f"tab_{first}_{number}", 0, round_of_drinks, context())
        self.sequencer.tick()
        return self.store.log_position()

    def project(self, kind: Projection | None = None) -> None:
        """Brings the live read model to the end of the log."""
        while (kind or projection()).run(self.store):
            pass

    def rows(self) -> list[dict[str, Any]]:
        with connect(self.database.url(SERVICE)) as connection:
            return connection.execute("SELECT * FROM tally ORDER BY tab_id").fetchall()

    def do(self, statement: str) -> Any:
        """As the owner of the database; the first column of the first row, if there is one."""
        with connect(self.database.admin_url) as connection:
            connection.execute(f'SET search_path = "{SERVICE}"'.encode())
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return next(iter(row.values())) if row else None

    def leftovers(self) -> int:
        """Schemas and roles of rebuilds that are still there."""
        return int(
            self.do(
                "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%rebuild%')"
                f" + (SELECT count(*) FROM pg_roles WHERE rolname LIKE '{self.database.name}%rebuild%')"
            )
        )


@contextmanager
def open_bar(database: Database) -> Iterator[Bar]:
    """The table is made as a migration would, with the rights that a migration gives."""
    url = database.url(SERVICE)
    with closing(PostgresStore(url, MASTER_KEY)) as store, closing(Sequencer(url)) as sequencer:
        bar = Bar(database, store, sequencer)
        bar.do(
            "CREATE TABLE tally (tab_id text PRIMARY KEY, owner_id text NOT NULL,"
            " cents bigint NOT NULL DEFAULT 0, drinks integer NOT NULL DEFAULT 0)"
        )
        bar.do("CREATE INDEX tally_by_owner ON tally (owner_id)")
        bar.do(f'GRANT SELECT, INSERT, UPDATE, DELETE ON tally TO "{database.name}_{SERVICE}"')
        yield bar


def main(admin_url: str, stop_at: int) -> None:
    """Rebuilds, and past a position says so and waits there to be killed."""

    def tell(progress: Progress) -> None:
        if progress.position >= stop_at:
            sys.stdout.write("there\n")
            sys.stdout.flush()
            sys.stdin.read()

    rebuild(admin_url, SERVICE, projection(), MASTER_KEY, tell, batch=20)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
