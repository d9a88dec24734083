"""A matplotlib figure that notebooks show, also where pyplot, which nobody has asked, does not."""

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Dots per inch on a page.
_DPI = 80


class ShownFigure(Figure):
    """A figure that is made without pyplot: nothing keeps it but who has it."""

    def png(self) -> bytes:
        """The picture as a PNG file."""
        content = io.BytesIO()
        FigureCanvasAgg(self)
        self.savefig(content, format="png", dpi=_DPI)
        return content.getvalue()

    def _repr_png_(self) -> bytes:
        """The picture, for a notebook."""
        return self.png()
