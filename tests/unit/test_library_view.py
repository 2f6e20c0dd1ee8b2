"""How the view reads the kernel's list of mounts, and knows that a root has other mounts than before."""

from tests.loading import module

view = module("roles/libraries/files/library_view.py")
Mount = view.Mount

LISTED = r"""
24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 24 8:1 / /mnt/Family\040films rw shared:2 - ext4 /dev/sda1 rw
31 30 8:2 /shows /mnt/Family\040films/usb rw shared:3 - ext4 /dev/sdb1 rw
32 24 0:40 / /mnt/over rw - tmpfs one rw
33 32 0:41 / /mnt/over rw - tmpfs two rw
34 24 8:3 / /mnt/Family\040films-old rw - ext4 /dev/sdc1 rw
""".strip()


def test_names_with_blanks_are_read_as_they_are() -> None:
    assert view.mounts(LISTED)[1] == Mount("/mnt/Family films", "8:1", "/")


def test_a_root_is_its_own_mount_and_those_below_it() -> None:
    assert view.tree(view.mounts(LISTED), "/mnt/Family films") == [
        Mount("", "8:1", "/"),
        Mount("/usb", "8:2", "/shows"),
    ]


def test_a_folder_of_a_mount_is_named_by_its_place_in_it() -> None:
    assert view.tree(view.mounts(LISTED), "/srv/library") == [Mount("", "254:0", "/srv/library")]
    assert view.tree(view.mounts(LISTED), "/mnt/Family films/usb/a") == [Mount("", "8:2", "/shows/a")]


def test_of_two_mounts_at_one_place_the_later_is_seen() -> None:
    assert view.tree(view.mounts(LISTED), "/mnt/over") == [Mount("", "0:41", "/")]


def test_another_device_at_the_same_place_is_another_tree() -> None:
    again = LISTED.replace("8:2 /shows", "8:9 /shows")
    before, after = (view.digest(view.tree(view.mounts(text), "/mnt/Family films")) for text in (LISTED, again))
    assert before != after
