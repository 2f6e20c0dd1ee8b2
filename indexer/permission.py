"""May the web server's user read a file? Told from modes and access lists (acl(5)), without being that user."""

import os
import pwd
import shlex
import struct
from dataclasses import dataclass, field

_ACL_ATTRIBUTE = "system.posix_acl_access"
# Entry tags of the attribute, from the kernel's include/uapi/linux/posix_acl.h.
_USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x02, 0x04, 0x08, 0x10, 0x20
_READ, _SEARCH = 4, 1


@dataclass
class Reader:
    """One user, with memory of the folders already judged: make a new one for each scan."""

    name: str
    uid: int
    groups: frozenset[int]
    _folders: dict[bytes, bytes | None] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str) -> "Reader":
        """Raises `KeyError` when the system has no such user."""
        user = pwd.getpwnam(name)
        return cls(name, user.pw_uid, frozenset(os.getgrouplist(name, user.pw_gid)))

    def obstacle(self, path: bytes) -> tuple[str, str] | None:
        """What keeps the user from reading the file `path` (absolute) and the command that mends it, or None."""
        if culprit := self._closed_folder(os.path.dirname(path)):
            shown = os.fsdecode(culprit).encode("utf-8", "replace").decode()
            return f"below the folder {shown!r}", f"chmod o+x {shlex.quote(shown)}"
        if not self._may(path, _READ):
            shown = os.path.basename(path).decode("utf-8", "replace")
            return "the file", f"chmod o+r {shlex.quote(shown)}"
        return None

    def _closed_folder(self, folder: bytes) -> bytes | None:
        """The outermost folder on the way that the user can't pass, or None."""
        if folder in self._folders:
            return self._folders[folder]
        parent = os.path.dirname(folder)
        culprit = self._closed_folder(parent) if parent != folder else None
        if culprit is None and not self._may(folder, _SEARCH):
            culprit = folder
        self._folders[folder] = culprit
        return culprit

    def _may(self, path: bytes, wanted: int) -> bool:
        status = os.stat(path)
        if self.uid == 0:
            return True
        if status.st_uid == self.uid:
            return bool(status.st_mode >> 6 & wanted)
        try:
            attribute = os.getxattr(path, _ACL_ATTRIBUTE)
        except OSError:  # no access list, or a file system without them
            bits = status.st_mode >> 3 if status.st_gid in self.groups else status.st_mode
            return bool(bits & wanted)
        return self._listed(attribute, status.st_gid, wanted)

    def _listed(self, attribute: bytes, owning_group: int, wanted: int) -> bool:
        """The algorithm of acl(5), "ACCESS CHECK ALGORITHM", from its second step on."""
        entries = list(struct.iter_unpack("<HHI", attribute[4:]))
        mask = next((bits for tag, bits, _ in entries if tag == _MASK), 7)
        for tag, bits, who in entries:
            if tag == _USER and who == self.uid:
                return bool(bits & mask & wanted)
        of_groups = [
            bits
            for tag, bits, who in entries
            if (tag == _GROUP_OBJ and owning_group in self.groups) or (tag == _GROUP and who in self.groups)
        ]
        if of_groups:
            return any(bits & mask & wanted for bits in of_groups)
        return any(bits & wanted for tag, bits, _ in entries if tag == _OTHER)
