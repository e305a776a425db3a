"""One transaction's talk with PostgreSQL in few round trips: what need not be answered at once is said with the next.

A command over HTTP took eight: begin, recall, three streams, append, remember, commit. So it takes three.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors
from psycopg.pq.abc import PGresult

from shared.eventstore import direct
from shared.eventstore.connecting import Connection
from shared.eventstore.direct import Prepared, Row, Spoken, Values
from shared.kernel.errors import StaleVersion


class Answer:
    """What a statement answered, once it was sent."""

    def __init__(self) -> None:
        self.result: PGresult | None = None


class Conversation:
    """What is said on one connection for one transaction, or for reads that have none.

    `connection` first says what waits, so that whoever speaks for themselves speaks within the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ahead: list[Spoken] = []
        self._answers: list[Answer | None] = []
        self._at_the_end: list[Spoken] = []
        self._unique: StaleVersion | None = None
        self._begun = False

    @property
    def connection(self) -> Connection:
        """The psycopg connection, for statements that are not prepared ones."""
        if self._ahead:
            self._exchange()
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begins with the first statement; commits at the end, or rolls back when an exception passes."""
        self._ahead.append(direct.BEGIN.spoken({}))
        self._answers.append(None)
        try:
            yield
            self._commit()
        except BaseException:
            if self._begun:
                direct.roll_back(self._connection)
            raise

    def ask(self, statement: Prepared, values: Values) -> list[Row]:
        """The rows that a statement answers, after what was to be said before."""
        if not self._ahead:
            return statement.rows(self._connection, values)
        return direct.rows_of(self._exchange(statement.spoken(values)))

    def change(self, statement: Prepared, values: Values) -> int:
        """How many rows a statement changed, after what was to be said before."""
        if not self._ahead:
            return statement.run(self._connection, values)
        return self._exchange(statement.spoken(values)).command_tuples or 0

    def ask_ahead(self, statement: Prepared, values: Values) -> Answer:
        """Asks with the next statement; to be looked at by `told`."""
        answer = Answer()
        self._ahead.append(statement.spoken(values))
        self._answers.append(answer)
        return answer

    def told(self, answer: Answer) -> list[Row]:
        """The rows of what was asked ahead."""
        if answer.result is None:
            self._exchange()
        assert answer.result is not None, "what was asked ahead has been sent, or has failed"
        return direct.rows_of(answer.result)

    def say_at_the_end(self, statement: Prepared, values: Values, unique: StaleVersion | None = None) -> None:
        """Says it together with the commit. `unique` is raised, and nothing committed, when somebody else has already
        written what only one may."""
        self._at_the_end.append(statement.spoken(values))
        self._unique = unique or self._unique

    def _exchange(self, *last: Spoken) -> PGresult:
        ahead, answers = self._ahead, self._answers
        self._ahead, self._answers = [], []
        self._begun = True
        try:
            results = direct.exchange(self._connection, [*ahead, *last])
        except BaseException:
            # Whoever goes on all the same begins again, or is told by the server that all of it is lost.
            self._ahead, self._answers = ahead, answers
            raise
        for answer, result in zip(answers, results, strict=False):
            if answer is not None:
                answer.result = result
        return results[-1]

    def _commit(self) -> None:
        if not self._begun and not self._at_the_end:
            return
        try:
            direct.ensure_committed(self._exchange(*self._at_the_end, direct.COMMIT.spoken({})))
        except errors.UniqueViolation as error:
            if self._unique is None:
                raise
            raise self._unique from error
