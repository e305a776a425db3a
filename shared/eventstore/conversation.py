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

MOST_AHEAD = 100
"""Statements that wait at most for the next one."""


class Answer:
    """What a statement answered, once it was sent."""

    def __init__(self, changing: int | None = None, otherwise: StaleVersion | None = None) -> None:
        self.result: PGresult | None = None
        self._changing = changing
        self._otherwise = otherwise

    @property
    def decides(self) -> bool:
        """Whether the transaction may not be committed before it is known."""
        return self._otherwise is not None

    def take(self, result: PGresult) -> None:
        """Raises when it changed another number of rows than it should have."""
        self.result = result
        if self._otherwise is not None and (result.command_tuples or 0) != self._changing:
            raise self._otherwise


class Conversation:
    """What is said on one connection for one transaction, or for reads that have none.

    `connection` first says what waits, so that whoever speaks for themselves speaks within the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ahead: list[Spoken] = []
        self._answers: list[Answer] = []
        self._at_the_end: list[Spoken] = []
        self._unique: StaleVersion | None = None
        self._in_transaction = False
        self._begun = False
        self._lost: StaleVersion | None = None

    @property
    def connection(self) -> Connection:
        """The psycopg connection, for statements that are not prepared ones."""
        self.say_all()
        return self._connection

    def say_all(self) -> None:
        """Says what waits for the next question."""
        if self._ahead or self._lost is not None:
            self._exchange()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begins with the first statement; commits at the end, or rolls back when an exception passes."""
        self._ahead.append(direct.BEGIN.spoken({}))
        self._answers.append(Answer())
        self._in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            if self._begun:
                direct.roll_back(self._connection)
            raise

    def ask(self, statement: Prepared, values: Values) -> list[Row]:
        """The rows that a statement answers, after what was to be said before."""
        if not self._ahead and self._lost is None:
            return statement.rows(self._connection, values)
        return direct.rows_of(self._exchange(statement.spoken(values)))

    def change(self, statement: Prepared, values: Values) -> int:
        """How many rows a statement changed, after what was to be said before."""
        if not self._ahead and self._lost is None:
            return statement.run(self._connection, values)
        return self._exchange(statement.spoken(values)).command_tuples or 0

    def say(self, statement: Prepared, values: Values, changing: int, otherwise: StaleVersion) -> None:
        """Has it change so many rows. When it changes another number, `otherwise` is raised: at once without a
        transaction, else at a later question or before the commit, and nothing of the transaction happens."""
        if not self._in_transaction:
            if self.change(statement, values) != changing:
                raise otherwise
            return
        self._ahead.append(statement.spoken(values))
        self._answers.append(Answer(changing, otherwise))
        if len(self._ahead) >= MOST_AHEAD:
            self._exchange()

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
        if self._lost is not None:
            raise self._lost
        ahead, answers = self._ahead, self._answers
        self._ahead, self._answers = [], []
        self._begun = True
        try:
            results = direct.exchange(self._connection, [*ahead, *last])
        except BaseException:
            # Whoever goes on all the same begins again, or is told by the server that all of it is lost.
            self._ahead, self._answers = ahead, answers
            raise
        try:
            for answer, result in zip(answers, results, strict=False):
                answer.take(result)
        except StaleVersion as stale:
            # Whoever swallows it cannot commit the rest.
            self._lost = stale
            raise
        return results[-1]

    def _commit(self) -> None:
        if self._lost is not None:
            raise self._lost
        if not self._begun and not self._at_the_end and len(self._ahead) < 2:
            return
        if any(answer.decides for answer in self._answers):
            self._exchange()
        try:
            direct.ensure_committed(self._exchange(*self._at_the_end, direct.COMMIT.spoken({})))
        except errors.UniqueViolation as error:
            if self._unique is None:
                raise
            raise self._unique from error
