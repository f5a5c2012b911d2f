"""Debian's packages of an image as a bill of materials (CycloneDX 1.5, JSON). Reads the list that dpkg-query wrote; asks nobody."""
import hashlib, json, sys, uuid
from urllib.parse import quote

name, path = sys.argv[1:]
text = open(path).read()
components = [
    {"type": "library", "bom-ref": f"{package}:{arch}", "name": package, "version": version,
     "purl": f"pkg:deb/debian/{quote(package)}@{quote(version)}?arch={arch}&distro=trixie"}
    for package, version, arch in (line.split() for line in text.splitlines())
]
digest = hashlib.sha256(text.encode()).digest()
print(json.dumps({
    "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
    "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}",
    "metadata": {"component": {"type": "operating-system", "bom-ref": name, "name": name}},
    "components": components,
}, indent=1))
