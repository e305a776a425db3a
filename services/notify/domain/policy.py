"""How long notify waits and how often it asks; every figure may be set by the operator."""

from dataclasses import dataclass

from services.notify.domain.vocabulary import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPolicy:
    """Spans in seconds of the platform's time. `alert_chain` names, level by level, the role that must look."""

    alert_acknowledge_seconds: int = 60
    alert_chain: tuple[str, ...] = ("dispatcher", "operations", "operator")
    mail_first_retry_seconds: int = 30
    mail_longest_retry_seconds: int = 900
    mail_give_up_seconds: int = 7200
    contact_grace_seconds: int = 600
    default_language: Language = Language.ENGLISH
    display_utc_offset_minutes: int = 480
    mail_sender: str = "Doorstep <no-reply@doorstep.example>"

    @property
    def alert_levels(self) -> int:
        return len(self.alert_chain)
