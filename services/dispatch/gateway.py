"""The HTTP routes of the dispatch service: for riders' devices, for dispatchers and for operations."""

from services.dispatch.breakdown_routes import BreakdownRoutes
from services.dispatch.delivery_routes import DeliveryRoutes
from services.dispatch.disruption_routes import DisruptionRoutes
from services.dispatch.explanation_routes import ExplanationRoutes
from services.dispatch.manual_routes import ManualRoutes
from services.dispatch.policy_routes import PolicyRoutes
from services.dispatch.position_routes import PositionRoutes
from services.dispatch.preview_routes import PreviewRoutes
from services.dispatch.report_routes import ReportRoutes
from services.dispatch.rider_routes import RiderRoutes
from shared.gateway.standard import StandardRoutes


class DispatchGateway(
    RiderRoutes,
    PositionRoutes,
    DeliveryRoutes,
    ManualRoutes,
    ExplanationRoutes,
    ReportRoutes,
    DisruptionRoutes,
    BreakdownRoutes,
    PolicyRoutes,
    PreviewRoutes,
    StandardRoutes,
):
    """Riders act for themselves and on their own deliveries; dispatchers on all of them; operations set policies."""

    name = "dispatch"
    title = "Doorstep dispatch"
