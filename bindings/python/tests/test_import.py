"""Importing the package is cheap, and the library is found or its absence explained."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import cobatch
from cobatch import errors
from support import PACKAGE

LIBRARY = os.path.abspath(os.environ.get("COBATCH_LIBRARY") or f"{PACKAGE}/cobatch/_lib/libcobatch.so.0")


def python(code, package=PACKAGE, **variables):
    """What the code prints; it fails as the code does."""
    environment = {name: value for name, value in os.environ.items() if name != "COBATCH_LIBRARY"}
    environment.update(PYTHONPATH=package, **variables)
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, env=environment, cwd=package, stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout.strip()


FAILS = "import cobatch\ntry: cobatch.version()\nexcept ImportError as error: print(error)"


class Importing(unittest.TestCase):
    def test_loads_nothing_but_the_package_itself(self):
        loaded = python("import sys; before = set(sys.modules); import cobatch; print(*set(sys.modules) - before)")
        self.assertLessEqual(set(loaded.split()), {"cobatch", "__future__"})

    def test_needs_no_library(self):
        self.assertEqual(python("import cobatch; print(cobatch.Error.__name__)", COBATCH_LIBRARY="/nowhere"), "Error")

    def test_every_public_name_is_there_and_listed(self):
        for name in cobatch.__all__:
            self.assertTrue(hasattr(cobatch, name), name)
        self.assertEqual(dir(cobatch), sorted(cobatch.__all__))

    def test_every_error_is_public(self):
        classes = {kind.__name__ for kind in errors.Error._classes.values()}
        self.assertLessEqual(classes | {"Error"}, set(cobatch.__all__))

    def test_a_name_that_is_not_there_is_an_attribute_error(self):
        with self.assertRaisesRegex(AttributeError, "module 'cobatch' has no attribute 'nothing'"):
            cobatch.nothing


class TheProgram(unittest.TestCase):
    SAYS = "from cobatch import _program; print(_program.call_command())"

    def site(self, lists):
        """A folder with the package, put there by an installer whose list has this path."""
        folder = tempfile.TemporaryDirectory(prefix="has space ")
        self.addCleanup(folder.cleanup)
        site = os.path.join(folder.name, "lib", "site-packages")
        TheLibrary.copy(site)
        about = os.path.join(site, "cobatch-0.1.0.dist-info")
        os.mkdir(about)
        for name, text in (("METADATA", "Name: cobatch\nVersion: 0.1.0\n"), ("RECORD", f"{lists},,\n")):
            with open(os.path.join(about, name), "w", encoding="utf-8") as file:
                file.write(text)
        return site

    def test_of_the_wheel_is_called_by_its_path(self):
        site = self.site("../../bin/cobatch")
        program = os.path.join(os.path.dirname(os.path.dirname(site)), "bin", "cobatch")
        os.mkdir(os.path.dirname(program))
        self.assertEqual(python(self.SAYS, package=site), "None")
        with open(program, "w", encoding="utf-8"):
            os.chmod(program, 0o700)
        self.assertEqual(python(self.SAYS, package=site), f"{shlex.quote(program)} call")

    def test_is_nowhere_if_the_package_came_without_it(self):
        self.assertEqual(python(self.SAYS, package=self.site("cobatch/__init__.py")), "None")


class TheLibrary(unittest.TestCase):
    def test_is_the_one_that_the_environment_names(self):
        self.assertEqual(python("import cobatch; print(cobatch.version())", COBATCH_LIBRARY=LIBRARY), cobatch.version())

    def test_is_not_looked_for_elsewhere_if_the_environment_names_one(self):
        said = python(FAILS, COBATCH_LIBRARY="/nowhere/lib.so")
        self.assertIn("/nowhere/lib.so", said)
        self.assertNotIn("_lib", said)

    def test_is_found_beside_the_package(self):
        with tempfile.TemporaryDirectory() as folder:
            self.copy(folder)
            os.mkdir(os.path.join(folder, "cobatch", "_lib"))
            os.symlink(os.path.realpath(LIBRARY), os.path.join(folder, "cobatch", "_lib", "libcobatch.so.0"))
            self.assertEqual(python("import cobatch; print(cobatch.version())", package=folder), cobatch.version())

    def test_if_there_is_none_the_error_names_all_that_was_tried(self):
        with tempfile.TemporaryDirectory() as folder:
            self.copy(folder)
            said = python(FAILS, package=folder, LD_LIBRARY_PATH=folder)
        if said:  # else the system has one
            self.assertIn(os.path.join(folder, "cobatch", "_lib", "libcobatch.so.0"), said)
            self.assertIn("\n  libcobatch.so.0: ", said)
            self.assertIn("COBATCH_LIBRARY", said)

    @unittest.skipUnless(shutil.which("cc"), "there is no C compiler to make a library with")
    def test_is_refused_if_it_is_older_than_the_package(self):
        said = python(FAILS, COBATCH_LIBRARY=self.library("int cobatch_abi_version(void) { return 0; }"))
        self.assertIn("has ABI version 0, and this package needs 4 or later", said)

    @unittest.skipUnless(shutil.which("cc"), "there is no C compiler to make a library with")
    def test_is_refused_if_it_is_another_library(self):
        path = self.library("int other(void) { return 0; }")
        self.assertIn(path, python(FAILS, COBATCH_LIBRARY=path))

    @staticmethod
    def copy(folder):
        shutil.copytree(
            os.path.join(PACKAGE, "cobatch"),
            os.path.join(folder, "cobatch"),
            ignore=shutil.ignore_patterns("_lib", "__pycache__"),
        )

    def library(self, source):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "libother.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
        return path


if __name__ == "__main__":
    unittest.main()
