"""Where the pictures of reviews are kept: sealed under their customer's key, named by what they hold."""

from base64 import b64decode, b64encode
from typing import Protocol

from services.order.pictures import Picture
from shared.eventstore.ports import Transaction


class Photos(Protocol):
    """Keeps pictures of orders for as long as their customer is known."""

    def keep(self, tx: Transaction, order_id: str, customer_id: str, picture: Picture) -> None:
        """The same picture again changes nothing."""

    def find(self, tx: Transaction, order_id: str, photo_id: str) -> Picture | None:
        """None when there is none, and of a forgotten customer."""

    def known(self, tx: Transaction, order_id: str) -> frozenset[str]:
        """The ids of the order's pictures."""

    def forget(self, tx: Transaction, customer_id: str) -> int:
        """Deletes a customer's pictures; returns how many."""


class TablePhotos:
    """In a table of this service: as safe, as sealed and as easily forgotten as everything else."""

    def keep(self, tx: Transaction, order_id: str, customer_id: str, picture: Picture) -> None:
        sealed = tx.vault.seal(customer_id, b64encode(picture.content).decode())
        tx.connection.execute(
            "INSERT INTO review_photos (order_id, photo_id, customer_id, media_type, sealed)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (order_id, picture.photo_id, customer_id, picture.media_type, sealed),
        )

    def find(self, tx: Transaction, order_id: str, photo_id: str) -> Picture | None:
        row = tx.connection.execute(
            "SELECT customer_id, media_type, sealed FROM review_photos WHERE order_id = %s AND photo_id = %s",
            (order_id, photo_id),
        ).fetchone()
        content = None if row is None else tx.vault.open(row["customer_id"], row["sealed"])
        return None if content is None else Picture(row["media_type"], b64decode(content))

    def known(self, tx: Transaction, order_id: str) -> frozenset[str]:
        rows = tx.connection.execute("SELECT photo_id FROM review_photos WHERE order_id = %s", (order_id,))
        return frozenset(row["photo_id"] for row in rows)

    def forget(self, tx: Transaction, customer_id: str) -> int:
        return int(tx.connection.execute("DELETE FROM review_photos WHERE customer_id = %s", (customer_id,)).rowcount)


PHOTOS: Photos = TablePhotos()
