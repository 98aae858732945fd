//! A real device of ALSA that carries octets, `/dev/snd/midiC1D0`, whose other end is in the sequencer: both ways, and while
//! its driver goes and comes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use kit::{Folder, in_a_network_for, song};

#[test]
fn devices_of_alsa_that_carry_octets() {
    vm::run_the_ignored_tests();
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_device_of_alsa_plays_and_is_played_to_and_comes_back_with_its_driver() {
    let folder = Folder::new("rawmidi-alsa");
    for note in [60, 61, 62_u8] {
        let dump = [&[0xF0][..], &[note; 3000], &[0xF7]].concat();
        folder.write(
            &format!("{note}.mid"),
            &song(&[(0, &[0x90, note, 100]), (48, &[0x80, note, 64]), (0, &sysex(&dump))]),
        );
    }
    folder.write("held.mid", &song(&[(0, &[0x90, 70, 100])]));
    let script = r#"
        kept=""
        trap 'kill -KILL $kept 2>/dev/null || true' EXIT
        wait_for() {
            for _ in $(seq 1200); do
                [ "$(grep -c -- "$2" "$1")" -ge "$3" ] && return
                sleep 0.1
            done
            echo "$1 does not have $3 times $2:" >&2
            tail -n 30 ./*.json ./*.txt >&2
            exit 1
        }
        touch bridge.txt out.txt in.txt
        # The sequencer itself is nobody here: what its client VirMIDI gets comes by the device, and goes to it. The bridge
        # plays that to a FIFO, and hears what is written to another one.
        mkfifo keys synth
        cat >bridge.toml <<END
name = "vm"
port = 0
mdns = false
alsa = false
rules = ["Keys --> Virtual", "Virtual --> Synth"]
[[rawmidi]]
name = "Virtual"
device = "/dev/snd/midiC1D0"
[[rawmidi]]
name = "Keys"
device = "$2/keys"
direction = "in"
[[rawmidi]]
name = "Synth"
device = "$2/synth"
direction = "out"
END
        "$1" bridge check bridge.toml
        "$1" bridge --config bridge.toml --control bridge.sock --json >bridge.json 2>bridge.txt & bridge=$!
        kept="$kept $bridge"
        # An octet in each line, as soon as it is there.
        stdbuf -oL od -An -v -tx1 -w1 synth >in.txt & kept="$kept $!"
        is() { wait_for bridge.json "\"type\":\"rawmidi\",\"name\":\"Virtual\",\"change\":\"$1\"" "$2"; }
        wait_for bridge.json 'Virtual --> Synth: connected' 1
        wait_for bridge.json 'Keys --> Virtual: connected' 1
        exec 3>keys
        both_ways() {
            is there $1
            aseqdump -p 20:0 >>out.txt & dump=$!
            kept="$kept $dump"
            # Whether somebody reads the sequencer is seen when it is heard.
            for _ in $(seq 600); do
                printf "\220\\$3\144\200\\$3\100" >&3
                grep -q "Note off .*note $2" out.txt && break
                sleep 0.2
            done
            wait_for out.txt "Note on .*note $2" 1
            kill $dump
            aplaymidi -p 20:0 $2.mid
            # The note, and the System Exclusive behind it.
            wait_for in.txt "^ *$(printf %x $2)\$" 3002
        }
        both_ways 1 60 074
        # As if it were pulled out.
        aplaymidi -p 20:0 held.mid
        echo snd_virmidi.0 >/sys/bus/platform/drivers/snd_virmidi/unbind
        is away 1
        # Its note ends, of which nobody tells any more.
        wait_for in.txt '^ *46$' 2
        [ ! -e /dev/snd/midiC1D0 ]
        "$1" bridge status --control bridge.sock | grep 'Virtual .*away'
        echo snd_virmidi.0 >/sys/bus/platform/drivers/snd_virmidi/bind
        both_ways 2 61 075
        # Its whole driver: no program holds it when its device is away.
        echo snd_virmidi.0 >/sys/bus/platform/drivers/snd_virmidi/unbind
        is away 2
        /sbin/rmmod snd-virmidi
        /sbin/insmod /run/modules/snd-virmidi.ko index=1 midi_devs=1
        both_ways 3 62 076
        kill -INT $bridge
        wait $bridge
    "#;
    assert!(in_a_network_for(400, script, &folder.path("")));
}

/// A System Exclusive as a file has it: its first octet, how many follow, and these.
fn sysex(octets: &[u8]) -> Vec<u8> {
    let length = octets.len() - 1;
    let number = [0x80 | (length >> 7) as u8, (length & 0x7F) as u8];
    [&octets[..1], &number, &octets[1..]].concat()
}
