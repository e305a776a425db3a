"""Runs the probe service as a process of its own, since eventlet patches the whole process."""

from shared.runtime import process  # isort: skip - patches the standard library before anything else is imported

from shared.runtime.settings import Settings
from tests.unit.gateway.probe_service import ProbeService

process.serve(ProbeService, Settings.from_environment("probe"))
