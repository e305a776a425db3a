"""What every body of this gateway stands on, and a place as its clients say it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.place import Place


class Input(BaseModel):
    """A body: unknown fields are a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(Input):
    """WGS84 degrees."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]

    def place(self) -> Place:
        return Place(self.lat, self.lon)

    @classmethod
    def of(cls, place: Place) -> "Point":
        return cls(lat=place.lat, lon=place.lon)
