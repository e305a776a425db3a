"""The place where a rebuild works unseen: tables like the live ones, and a role that may write nothing else."""

import re
from dataclasses import dataclass

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.eventstore.connecting import Connection
from shared.eventstore.projection import Projection

POSITIONS = "follower_positions"
READABLE = ("log", "events", "subjects", "forgettings")
NAME_LIMIT = 63

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relname = ANY(%s) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""

_KEYS = """
SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
WHERE n.nspname = %s AND c.relname = ANY(%s) AND i.indisprimary
GROUP BY c.relname
"""


class NotRebuildable(Exception):
    """The projection does not say enough of its tables, or says it wrongly."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """What moving rows of a table takes."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shadow:
    """The names of one rebuild's schema and role in one database."""

    database: str
    service: str
    projection: Projection

    @property
    def schema(self) -> str:
        return self._short(f"{self.service}_rebuild_{re.sub('[^a-z0-9]', '_', self.projection.name.lower())}")

    @property
    def role(self) -> str:
        return self._short(f"{self.database}_{self.schema}")

    def dsn(self, admin_dsn: str) -> str:
        """Logs in as the administrator, acting as the rebuild's role, with the shadow in front of the service."""
        given = conninfo_to_dict(admin_dsn).get("options") or ""
        options = f"-c search_path={self.schema},{self.service} -c role={self.role} -c synchronous_commit=off"
        return make_conninfo(admin_dsn, options=f"{given} {options}".strip())

    def _short(self, name: str) -> str:
        if len(name) > NAME_LIMIT:
            raise NotRebuildable(f"{name} is longer than the {NAME_LIMIT} characters of a name in PostgreSQL")
        return name


def shapes(connection: Connection, shadow: Shadow) -> list[TableShape]:
    """The live tables of the projection; raises NotRebuildable for one that is missing or has no primary key."""
    names = list(shadow.projection.tables)
    if not names:
        raise NotRebuildable(f"{shadow.projection.name} names no table that follows from the log alone")
    columns: dict[str, list[tuple[str, str]]] = {}
    for row in connection.execute(_COLUMNS, (shadow.service, names)):
        columns.setdefault(row["table"], []).append((row["column"], row["type"]))
    keys = {row["table"]: tuple(row["columns"]) for row in connection.execute(_KEYS, (shadow.service, names))}
    for name in names:
        if name not in keys:
            raise NotRebuildable(f"{shadow.service} has no table {name} with a primary key")
    return [TableShape(name, tuple(columns[name]), keys[name]) for name in names]


def prepare(connection: Connection, shadow: Shadow, tables: list[TableShape]) -> bool:
    """Makes the shadow, unless one of the same version and shape is there from a rebuild that was killed; says
    whether it was."""
    label = f"{shadow.projection.follower.name} {tables}"
    with connection.transaction():
        found = connection.execute(
            "SELECT obj_description(oid, 'pg_namespace') AS label FROM pg_namespace WHERE nspname = %s",
            (shadow.schema,),
        ).fetchone()
        if found is not None and found["label"] == label:
            return True
        drop(connection, shadow)
        _create(connection, shadow, label)
    return False


def drop(connection: Connection, shadow: Shadow) -> None:
    """Removes the shadow and its role; nothing happens when there is none."""
    schema, role = sql.Identifier(shadow.schema), sql.Identifier(shadow.role)
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (shadow.role,)).fetchone():
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def _create(connection: Connection, shadow: Shadow, label: str) -> None:
    # Unlogged: the shadow survives a killed rebuild, not a crashed server, and then its position is gone with it.
    names = {"schema": sql.Identifier(shadow.schema), "role": sql.Identifier(shadow.role)}
    live = sql.Identifier(shadow.service)
    statements = [
        sql.SQL("CREATE ROLE {role} NOLOGIN").format(**names),
        sql.SQL("GRANT {role} TO CURRENT_USER").format(**names),
        sql.SQL("CREATE SCHEMA {schema}").format(**names),
        sql.SQL("COMMENT ON SCHEMA {schema} IS {label}").format(**names, label=sql.Literal(label)),
        *(
            sql.SQL("CREATE UNLOGGED TABLE {schema}.{table} (LIKE {live}.{table} INCLUDING ALL)").format(
                **names, live=live, table=sql.Identifier(table)
            )
            for table in (*shadow.projection.tables, *shadow.projection.also_writes, POSITIONS)
        ),
        sql.SQL("INSERT INTO {schema}.{table} (name, position) VALUES ({name}, 0)").format(
            **names, table=sql.Identifier(POSITIONS), name=sql.Literal(shadow.projection.follower.name)
        ),
        sql.SQL("GRANT USAGE ON SCHEMA {schema}, {live} TO {role}").format(**names, live=live),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}").format(**names),
        sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}").format(**names),
        *(
            sql.SQL("GRANT SELECT ON {live}.{table} TO {role}").format(
                **names, live=live, table=sql.Identifier(table)
            )
            for table in READABLE
        ),
    ]
    for statement in statements:
        connection.execute(statement)


def merge(connection: Connection, shadow: Shadow, table: TableShape) -> int:
    """Makes the live table hold the shadow's rows, touching only those that differ; returns how many did.

    The table itself stays: its rights, indexes and the snapshots of those who read it now are not disturbed.
    """
    names = {
        "live": sql.Identifier(shadow.service, table.name),
        "shadow": sql.Identifier(shadow.schema, table.name),
        "columns": sql.SQL(", ").join(sql.Identifier(name) for name, _ in table.columns),
        "same": sql.SQL(" AND ").join(
            sql.SQL("mine.{column} = other.{column}").format(column=sql.Identifier(name)) for name in table.key
        ),
    }
    gone = connection.execute(
        sql.SQL(
            "DELETE FROM {live} mine USING"
            " (SELECT {columns} FROM {live} EXCEPT SELECT {columns} FROM {shadow}) other WHERE {same}"
        ).format(**names)
    )
    come = connection.execute(
        sql.SQL(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM {shadow} mine"
            " WHERE NOT EXISTS (SELECT FROM {live} other WHERE {same}) ON CONFLICT DO NOTHING"
        ).format(**names)
    )
    return max(gone.rowcount, come.rowcount)
