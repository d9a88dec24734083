"""What the page for photos works with: nets, photos that came, looks under way."""

import re
from pathlib import Path
from typing import Self

from catdog.runtime.files import remove_leftovers
from catdog.studio.looks import PhotoLooks
from catdog.studio.open_nets import OpenNets
from catdog.studio.place import StudioFolder
from catdog.studio.sent_photos import SentPhotos
from catdog.studio.uploads import UPLOADS
from catdog.studio.weights_list import WeightsList


class PhotoDesk:
    """As a context it has an end, after which no photo that came is left."""

    def __init__(self, place: StudioFolder) -> None:
        self.weights = WeightsList(place)
        self.nets = OpenNets()
        self.sent = SentPhotos(Path(place.own) / "uploads")
        self.looks = PhotoLooks()
        self._zips = place.folder / UPLOADS

    def __enter__(self) -> Self:
        self.sent.clear()
        # the studio is the only one here: what is half written came to one that was killed
        remove_leftovers(self._zips, re.compile(".+"))
        return self

    def __exit__(self, *_: object) -> None:
        self.looks.stop()
        self.sent.clear()
