"""A JACK client on PipeWire's machine, which plays to its session and listens to it.

Each line of stdin is played at one moment: messages in hexadecimal digits with commas between them. `link` connects the
client with the session as soon as that has found somebody, whom PipeWire then invites; `unlink` parts them. It prints `ready`,
`open` when it has been connected, and `heard OCTETS`.
"""

import collections
import ctypes.util
import queue
import sys
import threading
import time

# PipeWire's own library, which is where only the dynamic linker has been told to look for it.
ctypes.util.find_library = lambda name: f"lib{name}.so.0"
import jack

client = jack.Client("player", no_start_server=True)
ears = client.midi_inports.register("in")
mouth = client.midi_outports.register("out")
to_play = collections.deque()
heard = queue.SimpleQueue()


@client.set_process_callback
def process(_frames):
    """What becomes of each cycle of PipeWire's graph."""
    for _, octets in ears.incoming_midi_events():
        heard.put(bytes(octets))
    mouth.clear_buffer()
    if to_play:
        for message in to_play.popleft():
            mouth.write_midi_event(0, message)


def tell():
    """Prints what is heard."""
    while True:
        print("heard " + heard.get().hex(), flush=True)


def session():
    """The session's two ports: what it hears, and what it plays."""
    while True:
        outs = [port for port in client.get_ports(is_midi=True, is_output=True) if port != mouth]
        ins = [port for port in client.get_ports(is_midi=True, is_input=True) if port != ears]
        if outs and ins:
            return outs[0], ins[0]
        time.sleep(0.05)


client.activate()
threading.Thread(target=tell, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    line = line.strip()
    if line == "link":
        from_network, to_network = session()
        client.connect(from_network, ears)
        client.connect(mouth, to_network)
        print("open", flush=True)
    elif line == "unlink":
        from_network, to_network = session()
        client.disconnect(from_network, ears)
        client.disconnect(mouth, to_network)
    else:
        to_play.append([bytes.fromhex(message) for message in line.split(",")])
