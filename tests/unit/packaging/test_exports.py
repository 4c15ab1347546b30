"""``import myvta``: the names a user needs, each imported when it is used."""

import subprocess
import sys

import pytest

import myvta


def fresh(code: str) -> str:
    """Run code in a fresh interpreter and return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_exported_names_are_those_of_their_modules():
    from myvta.compiler.compile import compile_model
    from myvta.compiler.session import Session
    from myvta.driver import open_target
    from myvta.isa.config import load_config

    assert myvta.compile_model is compile_model
    assert myvta.Session is Session
    assert myvta.open_target is open_target
    assert myvta.load_config is load_config
    assert set(myvta.__all__) <= set(dir(myvta))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="^module 'myvta' has no attribute 'frob'$"):
        assert myvta.frob


def test_importing_the_package_imports_nothing_else():
    code = "import sys, myvta; print(*sorted(n for n in sys.modules if n.startswith('myvta')))"
    assert fresh(code) == "myvta"
    assert fresh("import sys, myvta; myvta.open_target; print('onnx' in sys.modules)") == "False"


def test_export_with_a_missing_dependency_names_it():
    code = (
        "import sys, myvta\n"
        "sys.modules['myvta.compiler'] = None\n"
        "try:\n    myvta.compile_model\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "needs myvta.compiler" in fresh(code)
