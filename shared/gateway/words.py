"""What callers may say in a field that everybody is told: codes and references, no sentences with people in them."""

from typing import Annotated

from pydantic import Field, StringConstraints

Code = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$"),
    Field(description="a code such as `sold_out`: told to the other services and kept for good"),
]

Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:-]*$"),
    Field(description="where it is kept, such as `photo-17`: told to the other services, so nothing about a person"),
]
