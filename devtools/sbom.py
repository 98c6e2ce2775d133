"""Write the list of what the image is made of, as CycloneDX reads it: `python -m devtools.sbom > sbom.json`.

It is made of the pinned files and of what is installed, asks no network, and is the same for the same requirements.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-kafka.txt", "requirements-s3.txt", "requirements-watch.txt")
"""Files that the Dockerfile installs from."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;#\\]+)(?:[ ]*;[ ]*([^#\\\n]+))?", re.MULTILINE)


class NotInstalled(RuntimeError):
    """What is pinned is not what is installed here, so nothing true can be said of it."""


def read_pins(files: Iterable[Path]) -> dict[str, str]:
    """Return the version that each package is pinned to for this Python and system, by its normal name."""
    pins = (pin for file in files for pin in _PIN.findall(file.read_text()))
    return {normalize(name): version for name, version, marker in pins if not marker or Marker(marker).evaluate()}


def normalize(name: str) -> str:
    """Spell a package's name as its address in a registry does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def describe(name: str, version: str) -> dict[str, Any]:
    """Describe one package by what it says of itself. Raises NotInstalled."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise NotInstalled(f"{name}=={version} is not installed: run make test once") from None
    if found.version != version:
        raise NotInstalled(f"{name} is {found.version} here, and {version} is pinned: run make test once")
    said: dict[str, Any] = found.metadata.json
    licence = said.get("license_expression")
    named = licence or "; ".join(_classified(said.get("classifier", []))) or said.get("license", "").partition("\n")[0]
    component = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    if not named:
        return component
    return component | {"licenses": [{"expression": licence}] if licence else [{"license": {"name": named}}]}


def _classified(classifiers: list[str]) -> Iterator[str]:
    for line in classifiers:
        if line.startswith("License :: "):
            yield line.rpartition(" :: ")[2]


def make_sbom(version: str, pins: dict[str, str]) -> dict[str, Any]:
    """Make the document for a version of the product. Raises NotInstalled."""
    components = [describe(name, pins[name]) for name in sorted(pins)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, json.dumps([version, components]))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"autosalon@{version}",
                "name": "autosalon",
                "version": version,
                "licenses": [{"expression": "MIT"}],
            }
        },
        "components": components,
    }


def main() -> None:
    """Print the document of the version that is named, or why there is none."""
    [version] = sys.argv[1:]
    try:
        made = make_sbom(version, read_pins(ROOT / name for name in FILES))
    except NotInstalled as error:
        raise SystemExit(str(error)) from None
    json.dump(made, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
