"""Fixtures of the tests that install things: made-up distributions, and environments in which Opwright is as it is here."""

import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

# A debugger's or sanitizer's preloads slow pip down by much, and have nothing to say here.
QUICK = ["-Ccmake.define.OPWRIGHT_LEVELS=baseline", "-Ccmake.define.OPWRIGHT_CUDA=OFF"]


class Environment:
    """A virtual environment that sees what is installed here, and what is installed into it."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.folder = folder
        self.python = folder / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "lib" / version / "site-packages"
        here = [p for p in dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])]
        lines = "".join(f"import site; site.addsitedir({path!r})\n" for path in here)
        (self.packages / "here.pth").write_text(lines)

    def install(self, project, *options):
        """`pip install`, as its README says, but without the index."""
        self.pip("install", "--no-deps", "--no-build-isolation", "--no-index", *QUICK, *options, str(project))

    def pip(self, *arguments):
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for cmake and ninja
        self.checked([*command, *arguments], PATH=path)

    def run(self, program, **settings):
        """Runs Python code; returns what it prints."""
        return self.checked([str(self.python), "-c", program], **settings)

    def module(self, *arguments, cwd=None, status=0, **settings):
        """`python -m ...`; returns what it prints."""
        return self.checked([str(self.python), "-m", *arguments], cwd=cwd, status=status, **settings)

    def checked(self, command, cwd=None, status=0, **settings):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        found = subprocess.run(
            command, cwd=cwd or self.folder, env=environment | settings, capture_output=True, text=True, timeout=600
        )
        assert found.returncode == status, f"{command}\n{found.stdout}\n{found.stderr}"
        return found.stdout + found.stderr


@pytest.fixture
def environment(tmp_path):
    """A fresh Environment."""
    return Environment(tmp_path / "environment")


class Site:
    """A folder of distributions as pip leaves them, and fresh processes that see them."""

    def __init__(self, folder):
        self.folder = folder

    def make(self, dist, module, source, entry=None, version="1.0", group="opwright.ops"):
        """A package of one module, with its entry point. Returns the package's folder."""
        package = self.folder / module
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
        info = self.folder / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry or module} = {module}\n")
        return package

    def run(self, program, status=0, **settings):
        """Runs Python code; returns what it prints."""
        return self._checked([sys.executable, "-c", textwrap.dedent(program)], status, settings)

    def module(self, *arguments, status=0, **settings):
        """`python -m ...`; returns what it prints."""
        return self._checked([sys.executable, "-m", *arguments], status, settings)

    def _checked(self, command, status, settings):
        found = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(self.folder), **settings},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert found.returncode == status, found.stdout + found.stderr
        return found.stdout


@pytest.fixture
def site(tmp_path):
    """A fresh Site."""
    return Site(tmp_path)
