//! Two bridges on two hosts that know nothing of each other, with a keyboard at one and a listener at the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod hosts;
mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::fs;

use hosts::{HOSTS, SEQUENCER};
use kit::{Folder, in_a_network_for, objects, song};
use serde_json::Value;

#[test]
fn bridges_between_real_sequencers() {
    vm::run_the_ignored_tests();
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_keyboard_is_a_port_of_the_other_side_and_comes_back_to_it() {
    let folder = Folder::new("bridge-keyboard");
    folder.write("first.mid", &song(&[(0, &[0x90, 60, 100]), (48, &[0x80, 60, 64])]));
    folder.write("held.mid", &song(&[(0, &[0x90, 62, 100])]));
    folder.write("again.mid", &song(&[(0, &[0x90, 64, 100]), (48, &[0x80, 64, 64])]));
    let script = r#"
        # What is played to the keyboard comes out of it.
        studio() { run here studio --control studio.sock --rule '"Midi Through" --> "Network Export"'; studio=$!; }
        studio
        run far stage --control stage.sock
        stage=$!
        becomes stage studio announced 1
        becomes studio stage announced 1
        becomes stage 'studio/Midi Through' announced 1
        # The port for exports is the first one, which a client's name alone means.
        [ "$(port stage 'Network Export')" = "$(port stage 'Network Export' | cut -d : -f 1):0" ]
        aconnect 20:0 stage
        becomes studio 'stage/Virtual Raw MIDI 1-0' announced 1
        keyboard=$(port stage 'studio/Midi Through')
        aseqdump -p "$keyboard" >dump.txt & dump=$!; keep $dump
        becomes stage 'studio/Midi Through' open 1
        aplaymidi -p 14:0 first.mid
        wait_for dump.txt 'Note on .*note 60' 1
        wait_for dump.txt 'Note off .*note 60' 1
        # A note that sounds when the other side ends does not hang.
        aplaymidi -p 14:0 held.mid
        wait_for dump.txt 'Note on .*note 62' 1
        kill -INT $studio
        wait $studio
        wait_for dump.txt 'Note off .*note 62' 1
        becomes stage 'studio/Midi Through' called 2
        studio
        becomes stage studio announced 2
        becomes stage 'studio/Midi Through' open 2
        aplaymidi -p 14:0 again.mid
        wait_for dump.txt 'Note on .*note 64' 1
        wait_for dump.txt 'Note off .*note 64' 1
        [ "$(port stage 'studio/Midi Through')" = "$keyboard" ]
        # Nobody wants it any more.
        kill $dump
        becomes stage 'studio/Midi Through' announced 2
        # What is connected the other way is heard as well: the port of whoever has joined.
        aseqdump -p "$(port studio stage)" >back.txt & keep $!
        becomes studio stage open 1
        becomes stage studio open 1
        aplaymidi -p "$(port stage studio)" first.mid
        wait_for back.txt 'Note on .*note 60' 1
        kill -INT $studio $stage
        wait $studio
        wait $stage
    "#;
    assert!(in_a_network_for(3000, &format!("{HOSTS}{SEQUENCER}{script}"), &folder.path("")));
    for end in ["studio", "stage"] {
        assert_eq!(fs::read_to_string(folder.path(&format!("{end}.txt"))).unwrap(), "", "{end} warns of something");
        assert_eq!(objects(&folder.path(&format!("{end}.json")))[0]["type"], "open");
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_loop_through_the_sequencer_and_a_session_is_cut_and_named() {
    let folder = Folder::new("bridge-loop-alsa");
    folder.write("note.mid", &song(&[(0, &[0x90, 60, 100])]));
    let script = r#"
        run here studio --control studio.sock
        studio=$!
        run far stage --control stage.sock
        stage=$!
        becomes stage studio announced 1
        becomes studio stage announced 1
        # What the other host plays goes back to it, through the port by which it has come.
        aconnect "$(port studio stage)" "$(port stage studio)"
        becomes studio stage open 1
        becomes stage studio open 1
        aplaymidi -p "$(port stage studio)" note.mid
        until cat studio.json stage.json | grep '"type":"loop"' >loops.json; do sleep 0.1; done
        for name in studio stage; do "$program" bridge status --json --control $name.sock; echo; done >status.json
        kill -INT $studio $stage
        wait $studio
        wait $stage
    "#;
    assert!(in_a_network_for(600, &format!("{HOSTS}{SEQUENCER}{script}"), &folder.path("")));
    let cut = &objects(&folder.path("loops.json"))[0];
    let text = fs::read_to_string(folder.path("status.json")).unwrap();
    let states = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
    let is_it = |it: &Value| (&it["from"], &it["to"]) == (&cut["from"], &cut["to"]) && it["loop_ms"].is_f64();
    assert!(states.into_iter().any(|state| state["connections"].as_array().unwrap().iter().any(is_it)), "{cut} {text}");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn ports_that_one_client_has_no_room_for_are_in_further_ones() {
    let folder = Folder::new("bridge-clients");
    let group = |base: u16| format!("[[ipmidi]]\nports = 128\nbase-port = {base}\ninterface = 'here'\n");
    let groups: String = [7000, 8000, 9000].map(group).concat();
    folder.write("all.toml", format!("mdns = false\n{groups}").as_bytes());
    folder.write("song.mid", &song(&[(0, &[0x90, 60, 100]), (48, &[0x80, 60, 64])]));
    let script = r#"
        one="" other="" dump=""
        trap 'kill -KILL $one $other $dump 2>/dev/null || true' EXIT
        ip address add 10.77.0.1/24 dev here
        bridge() { exec "$prog" bridge --config all.toml --name "$1" --port "$2" --control "$1.sock" --json >"$1.json" 2>"$1.txt"; }
        prog=$1
        touch dump.txt
        bridge one 5010 & one=$!
        bridge other 5020 & other=$!
        # The address of the port NAME of the client CLIENT of ALSA, as soon as it is there.
        port() {
            for _ in $(seq 600); do
                found=$(aconnect -l | awk -v client="$1" -v name="$2" -F"'" '
                    /^client / { split($1, a, /[ :]/); number = $2 == client ? a[2] : "" }
                    /^ / && number != "" { sub(/ +$/, "", $2); split($1, a, " "); if ($2 == name) print number ":" a[1] }')
                [ -n "$found" ] && echo "$found" && return
                sleep 0.1
            done
            echo "there is no $1 $2" >&2
            aconnect -l >&2
            exit 1
        }
        aseqdump -p "$(port 'other 2' 'ipMIDI 128 3')" >dump.txt & dump=$!
        from=$(port 'one 2' 'ipMIDI 128 3')
        for _ in $(seq 300); do
            aplaymidi -p "$from" song.mid
            grep -q 'Note off .*note 60' dump.txt && break
            sleep 0.1
        done
        grep -q 'Note on .*note 60' dump.txt
        kill -INT $one $other
        wait $one
        wait $other
    "#;
    assert!(in_a_network_for(3000, script, &folder.path("")));
    for end in ["one", "other"] {
        assert_eq!(fs::read_to_string(folder.path(&format!("{end}.txt"))).unwrap(), "", "{end} warns of something");
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_sequencer_that_comes_later_gets_its_ports() {
    let folder = Folder::new("bridge-later");
    let script = r#"
        bridge=""
        trap 'kill -KILL $bridge 2>/dev/null || true' EXIT
        mkfifo go
        touch late.txt
        # It has no sequencer until somebody says go.
        unshare -m sh -c '
            mount -t tmpfs tmpfs /dev/snd
            "$0" bridge --name late --port 0 --no-mdns --ipmidi 2@here --control late.sock --json >late.json 2>late.txt &
            bridge=$!
            echo $bridge >pid
            read -r _ <go
            umount /dev/snd
            wait $bridge' "$1" & shell=$!
        ip address add 10.77.0.1/24 dev here
        for _ in $(seq 600); do grep -q 'no ports of ALSA' late.txt && break; sleep 0.1; done
        echo >go
        bridge=$(cat pid)
        for _ in $(seq 600); do aconnect -l | grep -q 'ipMIDI 2' && break; sleep 0.1; done
        aconnect -l | grep -q 'ipMIDI 2'
        kill -INT $bridge
        wait $shell
    "#;
    assert!(in_a_network_for(3000, script, &folder.path("")));
    let said = fs::read_to_string(folder.path("late.txt")).unwrap();
    assert_eq!(said.matches("no ports of ALSA").count(), 1, "{said}");
}
