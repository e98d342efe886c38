"""Takes the CPU slice of LibTorch out of downloaded wheels: extract-torch.py WHEELS_FOLDER TARGET_FOLDER.

Writes TARGET/lib, TARGET/include, TARGET/licenses and version.py, then asks the kernel to put everything on disk.
Prints one JSON line: {"libraries": {file name: size}}.
"""

import json
import os
import re
import shutil
import sys
import zipfile

LIBRARY = re.compile(
    r"(?:^torch/lib|^torch\.libs|/lib)/(libtorch_cpu\.so|libc10\.so|libgomp[^/]*\.so[^/]*|libcudart\.so\.13|libcupti\.so\.13)$"
)
LICENSE = re.compile(r"^([^/]+)\.dist-info/licenses/(LICENSE|NOTICE|License\.txt)$")


def target_of(name: str) -> str | None:
    """The path inside the target folder for a wheel member, or None when it is not needed."""
    library = LIBRARY.search(name)
    if library:
        return "lib/" + library.group(1)
    if name.startswith("torch/include/") and not name.endswith("/"):
        return name[len("torch/") :]
    if name == "torch/version.py":
        return "version.py"
    license_file = LICENSE.match(name)
    if license_file:
        return f"licenses/{license_file.group(1)}-{license_file.group(2)}"
    return None


def main(wheels: str, target: str) -> None:
    libraries = {}
    for wheel in sorted(os.listdir(wheels)):
        if not wheel.endswith(".whl"):
            continue
        with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
            for member in archive.infolist():
                relative = target_of(member.filename)
                if relative is None:
                    continue
                path = os.path.normpath(os.path.join(target, relative))
                if not path.startswith(os.path.normpath(target) + os.sep):
                    raise SystemExit(f"{wheel} has a member that leaves its folder: {member.filename}")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                if relative.startswith("lib/"):
                    libraries[relative[4:]] = member.file_size
    os.sync()
    print(json.dumps({"libraries": libraries}))


main(sys.argv[1], sys.argv[2])
