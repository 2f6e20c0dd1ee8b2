"""The box of make up begins with the packages of the roles; Molecule's box begins without them."""

from typing import Any

from tests.policy.repository import ROOT, load, text_of

APT = "ansible.builtin.apt"


def tasks_of(block: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every task, those in blocks included."""
    inner = [task for entry in block for key in ("block", "rescue") for task in tasks_of(entry.get(key, []))]
    return [*block, *inner]


def packages_of(role: str) -> set[str]:
    """What the role asks apt for, where the name is no expression or a variable of the role."""
    folder = ROOT / "roles" / role
    private = load(folder / "vars/main.yml") if (folder / "vars/main.yml").is_file() else {}
    names: set[str] = set()
    for file in folder.glob("tasks/*.yml"):
        for task in tasks_of(load(file)):
            wanted = task.get(APT, {}).get("name", [])
            for name in [wanted] if isinstance(wanted, str) else wanted:
                variable = name.removeprefix("{{ ").removesuffix(" }}")
                if variable in private:
                    names |= set(private[variable])
                else:
                    names |= {name.replace("{{ __postgres_version }}", str(private.get("__postgres_version")))}
    return names


def test_the_prepared_box_holds_exactly_what_the_roles_install() -> None:
    roles = load(ROOT / "ansible/vars/roles.yml")["site_roles"]
    # base names its packages in an expression, by whether the host is a container.
    wanted = set.union(*(packages_of(role) for role in roles))
    expressions = {name for name in wanted if "{{" in name}
    prepared = set(load(ROOT / "ansible/vars/prepared.yml")["packages"])
    for name in prepared - wanted:
        assert any(f"'{name}'" in expression for expression in expressions), f"no role installs {name}"
    assert wanted - expressions <= prepared


def test_only_make_up_prepares() -> None:
    naming = [path.name for path in (ROOT / "ansible").glob("*.yml") if "box_prepared_packages" in text_of(path)]
    assert naming == ["bring-up-box.yml"]
