"""Says what each process of the platform is told: its own addresses and secrets, and nobody else's."""

import json
import os
import secrets
import sys
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local import accounts, ports
from deploy.local.supervisor import Program
from shared.gateway.tokens import SigningKey, generate_keypair, write_jwks

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "doorstep"
ENGINE_OF = "dispatch"
"""The service whose deliveries the engine decides, and whose policies the lab tries."""
TRACING = ("DOORSTEP_TRACES", "OTEL_EXPORTER_OTLP_ENDPOINT")
PAYMENTS = (
    "DOORSTEP_PAYMENT_PROVIDER",
    "DOORSTEP_STRIPE_SECRET_KEY",
    "DOORSTEP_STRIPE_WEBHOOK_SECRET",
    "DOORSTEP_STRIPE_API_BASE",
)
"""How money moves is for the order service alone to know, and is never written down."""
ROUTES = ("DOORSTEP_OSRM_URL",)
PROCESS = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", *TRACING, *ROUTES)
"""What a process keeps of our own environment; no secret of the person who started us gets into it."""


@dataclass(frozen=True, kw_only=True)
class PlatformEnvironment:
    """Every figure and secret of one running platform."""

    run_dir: Path
    services: Sequence[str]
    admin_url: str = field(repr=False)
    """The DSN of the platform's database for whoever owns its schemas."""
    passwords: Mapping[str, str] = field(repr=False)
    """Of the services' database roles."""
    amqp_urls: Mapping[str, str] = field(repr=False)
    http: Mapping[str, str]
    smtp: str
    tail_metrics: str
    engine_metrics: str
    signing_key: SigningKey = field(repr=False)
    master_key: str = field(repr=False)
    clock_speed: float
    clock_epoch: datetime
    clock_started: float
    log_level: str
    has_policies: bool

    def postgres_url(self, service: str) -> str:
        """The DSN of the service's own role, named as the migrations name it."""
        parts = urlsplit(self.admin_url)
        user = f"{parts.path.removeprefix('/')}_{service}"
        login = f"{quote(user)}:{quote(self.passwords[service])}"
        return urlunsplit(parts._replace(netloc=f"{login}@{parts.hostname}:{parts.port or 5432}"))

    def shared(self) -> dict[str, str]:
        """What every service and the tail are told."""
        variables = {
            "DOORSTEP_MASTER_KEY": self.master_key,
            "DOORSTEP_JWKS": str(self.run_dir / "jwks.json"),
            "DOORSTEP_JWT_ISSUER": ISSUER,
            "DOORSTEP_CLOCK_SPEED": repr(self.clock_speed),
            "DOORSTEP_CLOCK_STARTED": repr(self.clock_started),
            "DOORSTEP_CLOCK_EPOCH": self.clock_epoch.isoformat(),
            "DOORSTEP_LOG_LEVEL": self.log_level,
        }
        if self.has_policies:
            variables["DOORSTEP_POLICIES"] = str(self.run_dir / "policies.json")
        return variables

    def of_service(self, service: str) -> dict[str, str]:
        """What one service is told; only notify is told of the mail server."""
        mine = f"DOORSTEP_{service.upper()}"
        variables = {
            **self.shared(),
            f"{mine}_POSTGRES_URL": self.postgres_url(service),
            f"{mine}_AMQP_URL": self.amqp_urls[service],
            f"{mine}_HTTP": self.http[service],
        }
        return variables | ({"DOORSTEP_SMTP": self.smtp} if service == "notify" else {})

    def of_tail(self) -> dict[str, str]:
        """The tail sequences and publishes for all services, with each one's own logins."""
        variables = {"DOORSTEP_TAIL_METRICS": self.tail_metrics}
        for service in self.services:
            variables |= {name: text for name, text in self.of_service(service).items() if name != "DOORSTEP_SMTP"}
        return variables

    def of_engine(self) -> dict[str, str]:
        """The engine works on dispatch's own store, with its login."""
        return {**self.of_service(ENGINE_OF), "DOORSTEP_ENGINE_METRICS": self.engine_metrics}

    def everything(self) -> dict[str, str]:
        """The variables of the whole platform, for the operator's own commands."""
        variables = {
            "DOORSTEP_POSTGRES_URL": self.admin_url,
            "DOORSTEP_AMQP_URL": self.amqp_urls["admin"],
            "DOORSTEP_AUDIT_AMQP_URL": self.amqp_urls["audit"],
            "DOORSTEP_SIGNING_KEY": str(self.run_dir / "signing-key.pem"),
            **self.of_tail(),
            "DOORSTEP_ENGINE_METRICS": self.engine_metrics,
            "DOORSTEP_SMTP": self.smtp,
        }
        return dict(sorted(variables.items()))

    def programs(self) -> list[Program]:
        """All processes of the platform in the order of their start."""
        smtp_port = self.smtp.rpartition(":")[2]
        mail = [sys.executable, "-m", "deploy.local.smtp_sink", "--port", smtp_port]
        mail += ["--folder", str(self.run_dir / "mail")]
        module = [sys.executable, "-m"]
        return [
            self._program("mail", mail, {}),
            *(
                self._program(name, [*module, "deploy.serve", name], self.of_service(name) | _payments_of(name))
                for name in self.services
            ),
            *(self._beside_dispatch(module) if ENGINE_OF in self.services else []),
            self._program("tail", [*module, "deploy.cli", "tail", *self.services], self.of_tail()),
        ]

    def _beside_dispatch(self, module: Sequence[str]) -> list[Program]:
        """The engine, and the lab that tells operators what a policy would change."""
        return [
            self._program("engine", [*module, "deploy.cli", "engine", "run"], self.of_engine()),
            self._program("lab", [*module, "deploy.cli", "lab", "previews"], self.of_service(ENGINE_OF)),
        ]

    def _program(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> Program:
        kept = {name: os.environ[name] for name in PROCESS if name in os.environ}
        environment = {**kept, "PYTHONUNBUFFERED": "1", **variables}
        return Program(name, command, environment, ROOT, self.run_dir / "log" / f"{name}.log")

    def write(self, policies: Mapping[str, Mapping[str, Any]]) -> None:
        """Leaves on disk, for our own eyes, what the processes and the operator's commands read."""
        self.signing_key.save(self.run_dir / "signing-key.pem")
        write_jwks(self.run_dir / "jwks.json", [self.signing_key])
        if self.has_policies:
            accounts.own_file(self.run_dir / "policies.json", json.dumps(policies, indent=1), None)
        accounts.own_file(self.run_dir / "env.json", json.dumps(self.everything(), indent=1), None)


def _payments_of(service: str) -> dict[str, str]:
    """The payment provider and its secrets, straight from our own environment."""
    return {name: os.environ[name] for name in PAYMENTS if name in os.environ} if service == "order" else {}


def fresh_environment(
    run_dir: Path,
    services: Sequence[str],
    *,
    admin_url: str,
    amqp_urls: Mapping[str, str],
    clock_speed: float,
    clock_epoch: datetime | None,
    log_level: str,
    has_policies: bool,
) -> PlatformEnvironment:
    """New secrets and free ports; the clock starts now."""
    smtp, tail, engine, *gateways = (f"{ports.LOOPBACK}:{port}" for port in ports.free_ports(3 + len(services)))
    now = time.time()
    return PlatformEnvironment(
        run_dir=run_dir,
        services=tuple(services),
        admin_url=admin_url,
        passwords={service: secrets.token_urlsafe(24) for service in services},
        amqp_urls=amqp_urls,
        http=dict(zip(services, gateways, strict=True)),
        smtp=smtp,
        tail_metrics=tail,
        engine_metrics=engine,
        signing_key=generate_keypair(),
        master_key=b64encode(secrets.token_bytes(32)).decode(),
        clock_speed=clock_speed,
        clock_epoch=clock_epoch or datetime.fromtimestamp(now, UTC),
        clock_started=now,
        log_level=log_level,
        has_policies=has_policies,
    )
