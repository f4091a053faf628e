# SPDX-License-Identifier: MIT
"""Only what pyproject.toml cannot say: the extension, against the system's libmmiod. make python needs none of this."""

import glob
import shlex
import subprocess

from setuptools import Extension, setup


def flags(what):
    return shlex.split(subprocess.check_output(["pkg-config", what, "mmiod"], text=True))


setup(
    ext_modules=[
        Extension(
            "mmiod._ext",
            sorted(glob.glob("ext/*.c")),
            extra_compile_args=["-std=gnu11", "-D_GNU_SOURCE", *flags("--cflags")],
            extra_link_args=flags("--libs"),
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
