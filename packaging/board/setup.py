"""Build ``myvta-board``: the rooms of myvta that a board needs, with numpy and pyserial alone.

Everything that both distributions say is read from the setup.cfg of the whole.
"""

import re
from configparser import RawConfigParser
from pathlib import Path

from setuptools import setup

ROOMS = ("isa", "model", "driver")
REQUIREMENTS = ("numpy", "pyserial")

here = Path(__file__).resolve().parent
root = here.parents[1]
whole = RawConfigParser()
whole.read(root / "setup.cfg", encoding="utf-8")


def lines(section: str, key: str) -> list[str]:
    """Return the lines of a list in setup.cfg, comments left out."""
    return [line for line in whole[section][key].splitlines() if line and line[0] != "#"]


setup(
    name="myvta-board",
    version=re.search(r'^__version__ = "(.*)"$', (root / "__init__.py").read_text(), re.M)[1],
    description="Driver of the myvta accelerator for the board it runs on",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license=whole["metadata"]["license"],
    license_files=["LICENSE"],
    classifiers=lines("metadata", "classifiers"),
    python_requires=whole["options"]["python_requires"],
    package_dir={"myvta": "../.."},
    packages=[
        name for name in lines("options", "packages")
        if name == "myvta" or name.split(".")[1] in ROOMS
    ],
    package_data={"myvta": ["py.typed"]},
    install_requires=[
        line for line in lines("options", "install_requires")
        if re.split(r"[ <>=]", line)[0] in REQUIREMENTS
    ],
    zip_safe=False,
)
