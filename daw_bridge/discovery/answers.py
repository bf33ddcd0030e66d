"""What an OSCQuery request is answered: an HTTP status and a JSON object. Pure.

Source: the OSCQuery proposal, github.com/Vidvox/OSCQueryProposal. WebSockets are not offered
(no LISTEN, no PATH_CHANGED): events come over OSC, by /musicgen/subscribe.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from daw_bridge.discovery.namespace import Json, find, namespace
from daw_bridge.session_state import SessionState

OK, NO_CONTENT, BAD_REQUEST, NOT_FOUND = 200, 204, 400, 404
ALWAYS = ("FULL_PATH", "CONTENTS", "TYPE")  # every OSCQuery server has these
OPTIONAL = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "CLIPMODE", "UNIT", "OVERLOADS")
ABSENT = ("TAGS", "EXTENDED_TYPE", "CRITICAL", "HTML", "LISTEN", "PATH_CHANGED",
          "PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED")  # fmt: skip
LONGEST = 2000  # characters of a request


@dataclass(frozen=True, slots=True)
class Host:
    """Where OSC is heard: what HOST_INFO says."""

    name: str
    osc_ip: str
    osc_port: int

    def info(self) -> Json:
        extensions = {**dict.fromkeys(OPTIONAL, True), **dict.fromkeys(ABSENT, False)}
        return {
            "NAME": self.name,
            "OSC_IP": self.osc_ip,
            "OSC_PORT": self.osc_port,
            "OSC_TRANSPORT": "UDP",
            "EXTENSIONS": extensions,
        }


def answer(target: str, state: SessionState, host: Host) -> tuple[int, Json | str]:
    """`target`: path and query as they stand in the request's first line.

    A string is one line for a person: what was wrong with the request.
    """
    if len(target) > LONGEST:
        return BAD_REQUEST, "the request is too long"
    path, _, query = target.partition("#")[0].partition("?")
    wanted = [word.partition("=")[0] for word in unquote(query).split("&") if word]
    if wanted == ["HOST_INFO"]:
        return OK, host.info()
    for word in wanted:
        if word not in ALWAYS and word not in OPTIONAL:
            known = ", ".join(("HOST_INFO", *ALWAYS, *OPTIONAL))
            return BAD_REQUEST, f"no attribute {word[:40]}; ask for one of {known}"
    node = find(namespace(state), unquote(path))
    if node is None:
        return NOT_FOUND, "no such OSC address; / lists them all"
    if not wanted:
        return OK, node
    found = {word: node[word] for word in wanted if word in node}
    return (OK, found) if found else (NO_CONTENT, "")
