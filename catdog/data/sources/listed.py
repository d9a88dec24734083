"""What sources share whose picture files stand in a list, below a root_folder."""

from pathlib import Path

import cv2

from catdog.data.sources.base import Context, batch_size_of
from catdog.data.sources.picture_source import PictureSource
from catdog.data.transform import Picture
from catdog.proto.caffe_pb2 import DenseImageDataParameter, ImageDataParameter, LayerParameter


class ListedPictures(PictureSource):
    """Pictures of a list; the message of its type has batch_size, root_folder, new_height and
    new_width."""

    param: ImageDataParameter | DenseImageDataParameter

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.param = self.data_message(layer)
        self.batch_size = batch_size_of(self, self.param.batch_size)
        if bool(self.param.new_height) != bool(self.param.new_width):
            raise self.error("needs both of new_height and new_width, or none", field="new_height")
        root = self.param.root_folder
        # Caffe joins the texts; a folder without its last slash is meant as a folder
        is_folder = bool(root) and self.context.locate(root).is_dir()
        self._root = root + "/" if is_folder and not root.endswith("/") else root

    @classmethod
    def assumed_size(cls, layer: LayerParameter, /) -> tuple[int, int] | None:
        param = cls.data_message(layer)
        return (param.new_height, param.new_width) if param.new_height else None

    def path_of(self, name: str) -> Path:
        """Where the file is that the list calls so."""
        return self.context.locate(self._root + name)

    def resized(self, picture: Picture, interpolation: int = cv2.INTER_LINEAR) -> Picture:
        """Pixels in the size of new_height and new_width, where they are given."""
        if not self.param.new_height:
            return picture
        size = (self.param.new_width, self.param.new_height)
        return cv2.resize(picture, size, interpolation=interpolation)
