"""Rotates keys two at a time and says so after each batch, then waits: a process to be killed half-way."""

import sys

from shared.eventstore import rotation


def main(dsn: str, master_key: str) -> None:
    def tell(done: int, _total: int) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
        sys.stdin.read(1)

    rotation.BATCH = 2
    rotation.rotate(dsn, bytes.fromhex(master_key), tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
