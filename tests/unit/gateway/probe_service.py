"""A small real service on the kit: tabs in a bar."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType
from shared.eventstore.memory import MemoryStore
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.gateway.auth import PUBLIC
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.live import LogBroadcast
from shared.gateway.route import assets, page, route
from shared.gateway.sse import Event, Stream
from shared.gateway.standard import StandardRoutes
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, Fault, InvalidInput, NotFound, StaleVersion
from shared.runtime.extensions import Parts, every
from shared.runtime.settings import Settings

HERE = Path(__file__).parent
NO_DATABASE = "postgresql://probe:unused@127.0.0.1:1/none"


@dataclass(frozen=True, slots=True)
class DrinkAdded:
    drink: str
    cents: int


@dataclass(frozen=True, slots=True)
class Tab:
    drinks: int = 0
    cents: int = 0


TAB: Aggregate[Tab, DrinkAdded] = Aggregate(
    category="tab",
    initial=Tab(),
    evolve=lambda tab, event: Tab(tab.drinks + 1, tab.cents + event.cents),
    codec=Codec([EventType("DrinkAdded", DrinkAdded)]),
)


class TabIsFull(DomainError):
    code = "tab.full"


class AddDrink(BaseModel):
    model_config = ConfigDict(extra="forbid")

    drink: str = Field(min_length=1, max_length=40)
    cents: int = Field(ge=0, le=100_000, strict=True)
    table: int = Field(ge=1)
    occurred_at: AwareDatetime | None = None


class Knock(BaseModel):
    seconds: float = Field(ge=0, le=5, description="how long somebody takes to open")
    says: str = Field(default="", max_length=100)


class Opened(BaseModel):
    says: str


class TabView(BaseModel):
    tab_id: str
    drinks: int
    cents: int
    version: int
    actor: str = ""


class TabsQuery(PageQuery):
    kind: list[Literal["open", "closed"]] = Field(default_factory=list)


class Added(BaseModel):
    tab_id: str
    drink: str


@dataclass(frozen=True)
class ProbeParts:
    settings: Settings
    clock: Clock
    store: MemoryStore | PostgresStore
    broadcast: LogBroadcast
    turns: dict[str, int]

    def close(self) -> None:
        self.broadcast.close()
        self.store.close()


def build(settings: Settings) -> ProbeParts:
    store: MemoryStore | PostgresStore = MemoryStore(settings.clock)
    if settings.postgres_url != NO_DATABASE:
        store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock)
    return ProbeParts(settings, settings.clock, store, LogBroadcast(store, 0.02), {"count": 0, "running": 0})


class ProbeGateway(StandardRoutes):
    """The routes of the probe."""

    name = "probe"
    title = "Probe"
    parts = Parts(build)

    shell = page("/tab/<tab_id>", HERE / "probe.html", summary="A tab's page")
    files = assets("/web/<path:path>", HERE)

    @route(
        "POST",
        "/v1/tabs/<tab_id>/drinks",
        roles={"merchant", "operations"},
        body=AddDrink,
        answer=TabView,
        status=201,
        summary="Add a drink to a tab",
        command=True,
        refusals=(TabIsFull,),
    )
    def add_drink(self, call: Call[AddDrink], tab_id: str) -> TabView:
        if not call.principal.has("operations"):
            call.principal.require(tab_id)

        def work(transaction: Transaction) -> TabView:
            call.expect(transaction.load(TAB, tab_id).version)
            decided = transaction.execute(TAB, tab_id, decide, call.context)
            tab = decided.state
            return TabView(
                tab_id=tab_id, drinks=tab.drinks, cents=tab.cents, version=decided.version, actor=call.context.actor
            )

        def decide(tab: Tab) -> list[DrinkAdded]:
            if tab.drinks >= 100:
                raise TabIsFull("this tab takes no more drinks", tab_id=tab_id, drinks=tab.drinks)
            return [DrinkAdded(call.body.drink, call.body.cents)]

        return call.once(self.parts.store, work)

    @route("GET", "/v1/tabs/<tab_id>", roles={"merchant", "operations"}, answer=TabView, summary="One tab")
    def show(self, call: Call, tab_id: str) -> TabView:
        loaded = self.parts.store.load(TAB, tab_id)
        if not loaded.version:
            raise NotFound("there is no such tab", tab_id=tab_id)
        return TabView(tab_id=tab_id, drinks=loaded.state.drinks, cents=loaded.state.cents, version=loaded.version)

    @route("GET", "/v1/tabs", roles={"merchant"}, query=TabsQuery, answer=Page[str], summary="Tabs, by name")
    def tabs(self, call: Call[None, TabsQuery]) -> Page[str]:
        after = call.query.after("name")
        names = sorted({event.stream_id for event in self.parts.store.log_after(0)})
        rest = [name for name in names if after is None or name > str(after["name"])]
        shown = rest[: call.query.limit]
        more = encode_cursor({"name": shown[-1]}) if len(rest) > len(shown) else None
        return Page(items=shown, next=more, position=self.parts.store.log_position())

    @route("GET", "/v1/tabs/<tab_id>/live", roles={"merchant"}, answer=Added, summary="A tab, live")
    def follow(self, call: Call, tab_id: str) -> Stream:
        def events() -> Iterator[Event | None]:
            subscription = self.parts.broadcast.subscribe(lambda e: e.stream_id == tab_id, call.last_position)
            with subscription as added:
                if call.last_position is None:
                    yield Event(added.position, "snapshot", {"drinks": self.parts.store.load(TAB, tab_id).version})
                for event in added:
                    yield event and Event(event.position, "added", Added(tab_id=tab_id, drink=event.data["drink"]))

        return Stream(events())

    @route("POST", "/v1/trouble/<kind>", roles=PUBLIC, summary="Fails in a known way")
    def trouble(self, call: Call, kind: str) -> None:
        match kind:
            case "bug":
                secret = "swordfish"
                raise RuntimeError(f"the password is {secret}")
            case "stale":
                raise StaleVersion("tab-1", 3)
            case "outage":
                raise psycopg.OperationalError("connection to 10.0.0.7 refused")
            case "several_faults":
                raise InvalidInput([Fault("a", "bad", "a is bad"), Fault("b.c", "worse", "c is worse")])
            case _:
                raise NotFound("there is no such trouble")

    @route(
        "POST",
        "/v1/tabs/<tab_id>/knocks",
        roles={"merchant"},
        body=Knock,
        answer=Opened,
        summary="Knocks, in the connection's own greenthread",
        quiet=True,
        inline=True,
        refusals=(TabIsFull,),
    )
    def knock(self, call: Call[Knock], tab_id: str) -> Opened:
        call.principal.require(tab_id)
        time.sleep(call.body.seconds)
        if call.body.says == "full":
            raise TabIsFull("nobody opens", turns=self.parts.turns["count"])
        if call.body.says == "bug":
            raise RuntimeError("the door is gone")
        return Opened(says=call.body.says)

    @route("GET", "/v1/turns", roles=PUBLIC, summary="How the repeated task fares")
    def turns(self, call: Call) -> Mapping[str, int]:
        return self.parts.turns


class ProbeService(ProbeGateway):
    """The probe with its repeated task: every third turn fails, every fourth has more to do."""

    @every(0.01)
    def tick(self) -> int:
        turns = self.parts.turns
        assert turns["running"] == 0, "two turns at once"
        turns["running"] = 1
        turns["count"] += 1
        turns["running"] = 0
        if turns["count"] == 3:
            raise RuntimeError("every service has a bad turn")
        return int(turns["count"] % 4 == 0)
