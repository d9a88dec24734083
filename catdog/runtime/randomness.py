"""Random numbers as an argument: one seed, one torch generator for each device."""

import hashlib

import torch


class Randomness:
    """The generators that fillers, layers and transformations draw from.

    The same seed gives the same numbers on the same device. There is no global state; a
    snapshot keeps `state()` and a resume gives it back to `load_state()`.
    """

    def __init__(self, seed: int | None = None) -> None:
        cpu = torch.Generator()
        self.seed = cpu.seed() if seed is None else seed
        cpu.manual_seed(self.seed)
        self._generators = {torch.device("cpu"): cpu}

    def on(self, device: torch.device | str) -> torch.Generator:
        """The generator of a device, made from the seed when first asked for."""
        device = torch.device(device)
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self._generators[device]

    def branch(self, *key: int) -> None:
        """Go on with other numbers, which follow from the seed and a key."""
        text = repr((self.seed, *key)).encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        self.seed = int.from_bytes(digest, "little", signed=True)
        for generator in self._generators.values():
            generator.manual_seed(self.seed)

    def state(self) -> dict[str, bytes]:
        """The state of every generator by the name of its device."""
        return {
            str(device): generator.get_state().numpy().tobytes()
            for device, generator in self._generators.items()
        }

    def load_state(self, state: dict[str, bytes]) -> None:
        """Put back what `state()` gave."""
        for device, content in state.items():
            tensor = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            self.on(device).set_state(tensor)
