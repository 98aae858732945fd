//! Two bridges on two hosts, one of which loses its power, its cable, its address or its name: the other one finds it again
//! by itself, at the same port, and no note hangs meanwhile.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod hosts;
mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use hosts::{HOSTS, SEQUENCER};
use kit::{Folder, in_a_network_for, song};

#[test]
fn bridges_return_between_real_sequencers() {
    vm::run_the_ignored_tests();
}

/// A keyboard at the studio, and a synthesiser at the stage that a rule connects with it.
const PLAYERS: &str = r#"
    studio() { run here $1 --control studio.sock --rule '"Midi Through" --> "Network Export"'; studio=$!; }
    stage() { run far stage --control stage.sock --state stage.state --rule '"studio/Midi Through" --> aseqdump'; stage=$!; }
    # Plays a note that is held, again and again until it is heard.
    hold() {
        for _ in $(seq 600); do
            aplaymidi -p 14:0 $1.mid
            grep -q "Note on .*note $1" dump.txt && return
            sleep 0.3
        done
        wait_for dump.txt "Note on .*note $1" 1
    }
    let_go() { wait_for dump.txt "Note off .*note $1" 1; }
    # The keyboard has the port that it had.
    is_there() { [ "$(port stage "$1/Midi Through")" = "$keyboard" ]; }
    aseqdump >dump.txt & keep $!
    studio studio
    stage
    wait_for stage.json '/Midi Through","state":"open"' 1
    keyboard=$(port stage 'studio/Midi Through')
"#;

#[test]
#[ignore = "needs an ALSA sequencer"]
fn whatever_a_host_loses_it_comes_back_to_the_same_port() {
    let folder = Folder::new("bridge-returns");
    for note in 60..70_u8 {
        folder.write(&format!("{note}.mid"), &song(&[(0, &[0x90, note, 100])]));
    }
    let script = r#"
        hold 60
        # The power of the one with the keyboard.
        kill -KILL $studio
        studio studio
        let_go 60
        hold 61
        is_there studio
        # That of the other one: nobody can end the note for it, but its keyboard.
        kill -KILL $stage
        stage
        hold 62
        # Its client has another number now, and the rule finds the port by its name.
        keyboard=$(port stage 'studio/Midi Through')
        [ -n "$keyboard" ]
        # The cable.
        far ip link set there down
        let_go 62
        far ip link set there up
        far ip route add 224.0.0.0/4 dev there
        hold 63
        is_there studio
        # The address.
        ip address del 10.77.0.1/24 dev here
        ip address add 10.77.0.3/24 dev here
        ip route replace 224.0.0.0/4 dev here
        wait_for_address() { "$program" bridge status --json --control stage.sock | grep -q '10.77.0.3:'; }
        until wait_for_address; do sleep 0.5; done
        hold 64
        is_there studio
        # The name.
        kill -TERM $studio
        wait $studio
        let_go 63
        let_go 64
        studio atelier
        wait_for stage.json '"type":"renamed","name":"atelier/Midi Through","before":"studio/Midi Through"' 1
        hold 65
        is_there atelier
        kill -INT $studio $stage
        wait $studio
        wait $stage
    "#;
    assert!(in_a_network_for(3000, &format!("{HOSTS}{SEQUENCER}{PLAYERS}{script}"), &folder.path("")));
}
