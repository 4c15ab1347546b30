"""The tree: rooms on floors, imports only downwards, one name a module, short files."""

import ast
from collections import Counter

import rooms


def test_floors_list_every_room_once():
    listed = Counter(room for floor in rooms.FLOORS for room in floor)
    assert set(listed) == {rooms.room_of(module) for module, _ in rooms.modules()}
    assert set(listed.values()) == {1}


def test_imports_go_to_lower_floors():
    assert rooms.upward() == []


def test_no_module_imports_itself_through_others():
    assert rooms.cycles() == []


def test_only_the_onnx_front_end_imports_onnx():
    importers = {rooms.room_of(module) for module, path in rooms.modules()
                 if rooms.libraries(path) & {"onnx", "onnxruntime"}}
    assert importers == {"compiler.frontend.onnx"}


def test_module_names_are_unique():
    names = Counter(module.rpartition(".")[2] for module, _ in rooms.modules())
    assert [name for name, count in names.items() if count > 1] == []


def test_public_class_names_are_unique():
    """Two classes of one name need an alias wherever both are used, and mislead a search."""
    defined = Counter(
        node.name
        for _, path in rooms.modules()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in defined.items() if count > 1] == []


def test_every_module_has_a_test_of_its_name():
    assert rooms.untested() == []


def test_files_are_within_the_line_limit():
    assert rooms.long_files() == []
