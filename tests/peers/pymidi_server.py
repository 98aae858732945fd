"""The PyPI package `pymidi` as a peer, which can only be joined: `pymidi_server.py PORT`.

It prints `open`, `heard OCTETS` for each message that pymidi decodes or hands on as it is, and `closed`.
"""

import sys

from pymidi import server

STATUS = {"note_off": 0x80, "note_on": 0x90, "aftertouch": 0xA0, "control_mode_change": 0xB0}


class Handler(server.Handler):
    """Prints what happens."""

    def __init__(self):
        self.peers = set()

    def on_peer_connected(self, peer):
        # The control port tells of it first, and has an address of its own.
        if peer.ssrc not in self.peers:
            self.peers.add(peer.ssrc)
            print("open", flush=True)

    def on_peer_disconnected(self, peer):
        self.peers.discard(peer.ssrc)
        print("closed", flush=True)

    def on_midi_commands(self, peer, command_list):
        for command in command_list:
            print("heard " + octets(command).hex(), flush=True)


def octets(command):
    """The octets of a command as pymidi understands them."""
    status, params = command.command_byte, command.params
    if str(command.command) not in STATUS:
        return bytes([status]) + params.unknown
    if "key" in params:
        second = params.velocity if "velocity" in params else params.touch
        return bytes([status, int(params.key), second])
    return bytes([status, params.controller, params.value])


peer = server.Server([("127.0.0.1", int(sys.argv[1]))])
peer.add_handler(Handler())
peer.serve_forever()
