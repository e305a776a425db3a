"""The routes of operations: where the platform serves, what the weather is, and which coupons there are."""

from services.order import placing_requests
from services.order.application import perform
from services.order.codec import CITY, COUPON
from services.order.domain.city import EVERYWHERE, STREAM, City, CityCommand, EraseZone, Weather
from services.order.domain.coupon import Coupon, CouponAlreadyIssued
from services.order.domain.values import OrderKind
from services.order.ordering import coupon_stream
from services.order.placing_schemas import CityView, CouponBody, CouponView, WeatherBody, ZoneBody, ZoneView
from services.order.schemas import Point
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route
from shared.kernel.errors import NotFound

STAFF = {"operations", "support"}
TAGS = ("city",)


class CityRoutes:
    """Everything over HTTP that prices and areas depend on besides merchants."""

    parts: OrderParts

    @route("GET", "/v1/city", roles=STAFF, answer=CityView, summary="Zones and weather", tags=TAGS)
    def get_city(self, call: Call[None]) -> CityView:
        loaded = self.parts.store.load(CITY, STREAM)
        return _city(loaded.state, loaded.version, call)

    @route(
        "PUT",
        "/v1/city/zones/<zone_id>",
        roles={"operations"},
        body=ZoneBody,
        answer=CityView,
        command=True,
        summary="Draw a zone that is served",
        description="With a first zone the platform serves only inside zones; without any it serves everywhere.",
        tags=TAGS,
    )
    def draw_zone(self, call: Call[ZoneBody], zone_id: str) -> CityView:
        command = placing_requests.zone(call.body, zone_id, call.now)
        return call.once(self.parts.store, lambda tx: self._describe(tx, call, command))

    @route(
        "DELETE",
        "/v1/city/zones/<zone_id>",
        roles={"operations"},
        answer=CityView,
        command=True,
        summary="Serve a zone no more",
        tags=TAGS,
    )
    def erase_zone(self, call: Call[None], zone_id: str) -> CityView:
        command = EraseZone(zone_id=zone_id, at=call.now)
        return call.once(self.parts.store, lambda tx: self._describe(tx, call, command))

    @route(
        "POST",
        "/v1/city/weather",
        roles={"operations"},
        body=WeatherBody,
        answer=CityView,
        command=True,
        summary="Declare the weather",
        description="Surcharges follow it until it runs out; what was quoted before keeps its price.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def declare_weather(self, call: Call[WeatherBody]) -> CityView:
        command = placing_requests.weather(call.body, call.now)
        return call.once(self.parts.store, lambda tx: self._describe(tx, call, command))

    @route(
        "POST",
        "/v1/coupons",
        roles={"operations"},
        body=CouponBody,
        answer=CouponView,
        status=201,
        command=True,
        summary="Issue a coupon",
        tags=("coupons",),
        refusals=(CouponAlreadyIssued,),
    )
    def issue_coupon(self, call: Call[CouponBody]) -> CouponView:
        command = placing_requests.coupon(call.body, call.now)

        def work(tx: Transaction) -> CouponView:
            done = perform(tx, command, call.context, self.parts.policy)
            return _coupon(done.state, done.version)

        return call.once(self.parts.store, work)

    @route("GET", "/v1/coupons/<code>", roles=STAFF, answer=CouponView, summary="A coupon", tags=("coupons",))
    def get_coupon(self, call: Call[None], code: str) -> CouponView:  # noqa: ARG002
        loaded = self.parts.store.load(COUPON, coupon_stream(code.upper()))
        if loaded.state is None:
            raise NotFound("there is no such coupon")
        return _coupon(loaded.state, loaded.version)

    def _describe(self, tx: Transaction, call: Call, command: CityCommand) -> CityView:
        done = perform(tx, command, call.context, self.parts.policy)
        return _city(done.state, done.version, call)


def _city(city: City, version: int, call: Call) -> CityView:
    def weather_of(zone_id: str) -> Weather:
        for key in (zone_id, EVERYWHERE):
            declared = city.weather.get(key)
            if declared is not None and declared.at <= call.now < declared.until:
                return declared.weather
        return Weather.FAIR

    zones = [
        ZoneView(
            zone_id=zone.zone_id,
            name=zone.name,
            area=[Point(lat=corner.lat, lon=corner.lon) for corner in zone.area],
            weather=weather_of(zone.zone_id),
        )
        for zone in city.zones.values()
    ]
    return CityView(zones=zones, weather=weather_of(EVERYWHERE), version=version)


def _coupon(coupon: Coupon, version: int) -> CouponView:
    terms = coupon.terms
    return CouponView(
        code=terms.code,
        percent=terms.percent,
        fixed_cents=terms.fixed_cents,
        ceiling_cents=terms.ceiling_cents,
        minimum_cents=terms.minimum_cents,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        uses_per_customer=terms.uses_per_customer,
        uses_max=terms.uses_max,
        merchant_ids=list(terms.merchant_ids),
        kinds=[OrderKind(kind) for kind in terms.kinds],
        claimed=len(coupon.claims),
        version=version,
    )
