"""Pictures of nets: layers as boxes coloured by family, blobs as arrows."""

from catdog.export.draw.picture import FORMS, RANKDIRS, draw, draw_to_file
from catdog.export.draw.spec import Depicted, draw_spec
from catdog.export.draw.words import colour

__all__ = ["FORMS", "RANKDIRS", "Depicted", "colour", "draw", "draw_spec", "draw_to_file"]
