"""Commands that correct charges."""

from ocs.v1 import charging_service_pb2, types_pb2
from tests.cli.case import RECEIPT, Case

CORRECTION_CASES = [
    Case(
        "correct-charge alice/17 --money 0.20 --tariff-version v2 --reason late-price",
        "CorrectCharge",
        charging_service_pb2.CorrectChargeResponse(
            charge=types_pb2.Charge(charged_units=200_000, charged_micros=200_000),
            receipt=RECEIPT,
        ),
        {
            "event": "tenants/main/accounts/alice/events/17",
            "micros": "200000",
            "tariff_version": "v2",
            "reason": "late-price",
        },
    ),
]
