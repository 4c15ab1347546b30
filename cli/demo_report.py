"""The demo's figures, their text, and whether the folder they go to can be written."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .input_errors import InputError

__all__ = ["REPORT_FILE", "Report", "check_writable"]

REPORT_FILE = "report.json"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The demo's figures; None where the backend has no such figure.

    Attributes
    ----------
    float_accuracy, int8_accuracy, rtl_accuracy : float
        Accuracy in 0..1: the float network and the model on every image, the RTL on the
        images it ran.
    rtl_images, rtl_mismatches : int
        Images run on the RTL, and the number that differed from the model or from the integer
        reference evaluator in any layer's output tensor.
    model_images, model_mismatches : int
        The same of the model, compared with the reference evaluator.
    tensors : int
        Layer output tensors compared for each image.
    cycles_per_image : float
        Mean device clock cycles of one image.
    mac_utilization : float
        Multiply-accumulates of the network over ``cycles_per_image`` x those of one GEMM step.
    simulated_cycles_per_second : float
        Device cycles over the wall time the launches took.
    wall_seconds : float
        The whole demo, compiling and building the simulator included.
    backend, config : str
        ``verilator``, ``icarus`` or ``model``; the configuration's name.
    """

    float_accuracy: float
    int8_accuracy: float
    rtl_accuracy: float | None
    rtl_images: int
    rtl_mismatches: int | None
    model_images: int
    model_mismatches: int
    tensors: int
    cycles_per_image: float | None
    mac_utilization: float | None
    simulated_cycles_per_second: float | None
    wall_seconds: float
    backend: str
    config: str

    @property
    def mismatches(self) -> int:
        """Images that differed anywhere."""
        return self.model_mismatches + (self.rtl_mismatches or 0)

    def to_json(self) -> str:
        """Return the text of ``report.json``: one key per line, figures rounded."""
        digits = {"cycles_per_image": 1, "simulated_cycles_per_second": 0, "wall_seconds": 2}
        values = {
            name: round(value, digits.get(name, 6)) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return json.dumps(values, indent=2) + "\n"

    def rows(self) -> list[tuple[str, str]]:
        """Return label and value of each figure, as the terminal shows them."""
        unknown = f"- ({self.backend} counts no cycles)"
        cycles, busy, rate = (
            self.cycles_per_image, self.mac_utilization, self.simulated_cycles_per_second
        )
        rows = [
            ("float accuracy", f"{self.float_accuracy:.2%}  of {self.model_images} images"),
            ("int8 accuracy", f"{self.int8_accuracy:.2%}  of {self.model_images} images, model"),
        ]
        if self.rtl_accuracy is not None:
            images = f"{self.rtl_images} images, RTL under {self.backend}"
            rows.append(("RTL accuracy", f"{self.rtl_accuracy:.2%}  of {images}"))
        return [
            *rows,
            ("bit for bit", self._comparison()),
            ("cycles per image", unknown if cycles is None else f"{cycles:,.0f}"),
            ("MAC utilization", unknown if busy is None else f"{busy:.1%}"),
            ("simulated cycles/s", unknown if rate is None else f"{rate:,.0f}"),
            ("wall time", f"{self.wall_seconds:.1f} s"),
        ]

    def _comparison(self) -> str:
        compared = "model = reference" if self.rtl_mismatches is None else "RTL = model = reference"
        if not self.mismatches:
            return f"{compared} in all {self.tensors} tensors of every image"
        return (
            f"DIFFERENT: {self.model_mismatches} of {self.model_images} images on the model, "
            f"{self.rtl_mismatches or 0} of {self.rtl_images} on the RTL"
        )


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be created or written to, without creating anything.

    Raises
    ------
    InputError
        Names the folder and the reason.
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"cannot write to {folder}: {existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"cannot write to {folder}: no permission in {existing}; give --output FOLDER"
        )
