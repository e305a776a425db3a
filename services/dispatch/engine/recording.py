"""A picture of the world on paper: what was decided once can be decided again, elsewhere and under other figures."""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from services.dispatch.domain.policies.document import Values
from services.dispatch.domain.policies.resolving import above
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.dispatching import Turn, turn
from services.dispatch.engine.engine import Memory
from services.dispatch.engine.picture import Picture
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the engine saw, and the figures that held for the whole service."""

    picture: Picture
    policy: DispatchPolicy

    def under(self, values: Values) -> "Recorded":
        """The same picture under some other figures."""
        if not values:
            return self
        return replace(self, policy=above(self.policy, values, f"{self.policy.version}, changed"))


_RECORDED: TypeAdapter[Recorded] = TypeAdapter(Recorded)


def written(recorded: Recorded) -> str:
    """JSON, to be kept."""
    return _RECORDED.dump_json(recorded, indent=1).decode()


def read(text: str) -> Recorded:
    """Raises pydantic's ValidationError for what is no recorded picture."""
    return _RECORDED.validate_json(text)


def decided(recorded: Recorded) -> Turn:
    """What an engine decides that has seen nothing before; ways are reckoned by one speed, as the crow flies."""
    travel = StraightLine(metres_per_second=recorded.policy.rider_speed_m_per_s)
    return turn(recorded.picture, Town(), Memory(), recorded.policy, travel)
