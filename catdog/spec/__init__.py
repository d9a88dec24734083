"""Nets and solvers as text: read, checked, upgraded, filtered by rules, written."""

from catdog.spec.read import Spec, override, read_message, read_net, read_solver
from catdog.spec.rules import filter_net, net_state
from catdog.spec.write import to_prototxt, to_text, to_yaml

__all__ = [
    "Spec",
    "filter_net",
    "net_state",
    "override",
    "read_message",
    "read_net",
    "read_solver",
    "to_prototxt",
    "to_text",
    "to_yaml",
]
