"""PostgreSQL and Redis behind a bad network, under load: whoever is answered is answered once, and what was stored is not lost."""

import asyncio

import pytest

from server.kit.db import Database
from tests.faults.place import Place, everybody_is_answered_once
from tests.faults.proxy import Fault

LASTS_S = 2.0
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("network", ["postgres", "redis"])
async def test_everybody_is_answered_once_the_network_is_mended(place: Place, place_db: Database, network: str, fault: Fault) -> None:
    async def spoil(place: Place) -> None:
        between = place.to_postgres if network == "postgres" else place.to_redis
        between.become(fault)
        await asyncio.sleep(LASTS_S)
        between.become(Fault.NONE)

    await everybody_is_answered_once(place, place_db, spoil)
