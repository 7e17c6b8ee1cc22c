"""The package: one zip with everything a treatment is made of, which opens without unfade.

``write_package`` makes it, ``unpacked`` opens it for ``revert``. Pictures are plain TIFF and PNG,
the record is JSON, hashes are in a manifest that common tools check (``sha256sum -c``).
"""

from unfade.package.reading import is_package, unpacked
from unfade.package.writing import package_path, write_package

__all__ = ["is_package", "package_path", "unpacked", "write_package"]
