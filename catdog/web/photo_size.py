"""How large a photo may be that was sent: its header is looked at before it is decoded."""

from catdog.data.images import Readable, Unreadable, read_file
from catdog.data.imdecode import header_pixels

#: Pixels of a photo that was sent, at most.
PIXELS = 50_000_000


def check_sent(photo: Readable, most: int = PIXELS) -> None:
    """Raise Unreadable for a photo of more pixels, by its header, and for what cannot be read."""
    if (pixels := header_pixels(read_file(photo))) > most:
        what = f"{pixels:,} pixels, more than {most:,}"
        raise Unreadable(what, where=str(photo), remedy="send it smaller")
