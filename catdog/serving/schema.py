"""What the OpenAPI description of a server says of its photos and answers."""

from typing import Any

from catdog.serving.sent_photos import FORM, JSON

ABOUT = (
    "Photos in, classes and probabilities out. Each photo is prepared as those of the training; "
    "photos of many requests are computed in batches."
)

_CLASSES: dict[str, Any] = {
    "type": "array",
    "description": "The likeliest classes, likeliest first.",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "probability": {"type": "number"},
            "score": {"type": "number", "description": "Of a net that ends in scores."},
        },
    },
}
_PHOTO: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "As it was sent."},
        "label": {"type": "string", "description": "The likeliest class."},
        "probability": {"type": "number", "description": "That of the label."},
        "labels": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Of a net with several labels those that apply.",
        },
        "within": {
            "type": "array",
            "items": {"type": "string"},
            "description": "With --coverage: classes of which one is right so often.",
        },
        "neither": {
            "type": "boolean",
            "description": "With --reject: whether the photo shows none of the classes.",
        },
        "foreign": {
            "type": "number",
            "description": "With --reject: how foreign the photo is; /net has the limit.",
        },
        "classes": _CLASSES,
        "others": {"type": "object", "description": "What further outputs of the net say."},
        "error": {"type": "string", "description": "Why this photo has no answer."},
    },
    "required": ["name"],
}
_ANSWER = {
    "type": "object",
    "properties": {"photos": {"type": "array", "items": _PHOTO}},
    "required": ["photos"],
}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "where: what; remedy"}},
    "required": ["error"],
}
_SENT = {
    "type": "object",
    "properties": {
        "photos": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "data": {"type": "string", "description": "The file in base64."},
                },
                "required": ["data"],
            },
        }
    },
    "required": ["photos"],
}
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_FILES = {
    "type": "object",
    "properties": {
        "photo": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
    "description": "Each part is a photo, whatever its name.",
}
_STATUS = {
    400: "The body is damaged",
    401: "A token is needed",
    408: "The body did not come in time",
    413: "More bytes or photos than are taken",
    415: "No type of photos",
    422: "No photo can be read",
    503: "No room now: Retry-After says when",
    504: "No answer in time",
}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}}


#: The operation of /predict.
PREDICT: dict[str, Any] = {
    "tags": ["photos"],
    "summary": "Photos to classes and probabilities",
    "description": (
        "Of several photos one that cannot be read has an error in its place, and the others are "
        "answered; where none can be read the status is 422."
    ),
    "responses": {
        "200": {
            "description": "What the net says of each photo, in their order",
            "content": _content(_ANSWER),
        },
        **{
            str(status): {"description": text, "content": _content(_ERROR)}
            for status, text in _STATUS.items()
        },
    },
    "parameters": [
        {
            "name": "top",
            "in": "query",
            "description": "How many classes of each photo are told.",
            "schema": {"type": "integer", "minimum": 1, "default": 5},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {FORM: {"schema": _FILES}, JSON: {"schema": _SENT}, "image/jpeg": _PICTURE},
    },
}
