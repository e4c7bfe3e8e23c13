"""Makes a place coarser. Degrees are those of WGS 84; a thousandth of one is 111 m to the north."""

from msgspec import structs

from flow_runtime import Location
from server.conversations.processing.contract import Rejected, Result, Said, Settings


def process(said: Said, settings: Settings) -> Result:
    """The rounded place; Rejected for one that is nowhere on Earth."""
    place = said.input
    assert isinstance(place, Location)
    if not (abs(place.latitude) <= 90 and abs(place.longitude) <= 180):
        raise Rejected("This is no place on Earth: a latitude is within 90 degrees, a longitude within 180. Send it again.")
    if settings["nowhere"] == "refuse" and place.latitude == place.longitude == 0:
        raise Rejected("Your device does not know where it is. Switch its location on and send it again, or write the address.")
    label = "" if settings["label"] == "drop" else place.label
    if settings["round"] == "no":
        return Result({"digits": None}, structs.replace(place, label=label))
    digits = int(settings["round"])
    latitude, longitude = round(place.latitude, digits) + 0.0, round(place.longitude, digits) + 0.0
    return Result({"digits": digits}, structs.replace(place, latitude=latitude, longitude=longitude, label=label))
