//! Two bridges that send each other's music back, one way by AppleMIDI and the other by raw multicast: a loop that neither
//! of them can see as a whole.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod hosts;
mod kit;

use hosts::HOSTS;
use kit::{Folder, in_a_network, objects};
use serde_json::Value;

/// How long a loop may go on where nothing else keeps the machine busy.
const MOST_MS: u64 = 1000;

#[test]
fn a_loop_of_two_bridges_over_both_transports_is_cut_and_named() {
    let folder = Folder::new("bridge-loop");
    let script = r#"
        # What comes by multicast goes to the other host, and what comes from there goes out by multicast.
        run here studio --no-alsa --ipmidi 1@here --control studio.sock --rule '"ipMIDI 1" --> stage' --rule 'keys --> stage'
        studio=$!
        run far stage --no-alsa --ipmidi 1@there --control stage.sock --rule 'studio --> "ipMIDI 1"'
        stage=$!
        becomes studio stage open 1
        becomes stage studio open 1
        mkfifo typed
        "$program" join 10.77.0.1 --name keys --no-mdns --stdin hex --json <typed >keys.json & keep $!
        exec 3>typed
        becomes studio keys open 1
        # It is connected once the rules have been looked at.
        wait_for studio.json 'keys --> stage: connected by a rule' 1
        wait_for stage.json 'studio --> ipMIDI 1: connected by a rule' 1
        wait_for studio.json 'ipMIDI 1 --> stage: connected by a rule' 1
        began=$(date +%s%N)
        echo '90 3c 64' >&3
        until cat studio.json stage.json | grep -q '"type":"loop"'; do sleep 0.01; done
        echo $((($(date +%s%N) - began) / 1000000)) >milliseconds
        status() {
            for name in studio stage; do "$program" bridge status --json --control $name.sock; echo; done
        }
        # Nothing goes round any more: what has been carried stays as it is.
        carried() { status | grep -o '"messages":[0-9]*' | tr '\n' ' '; }
        for _ in $(seq 1000); do
            [ "$(carried)" = "$(sleep 0.3; carried)" ] && break
        done
        status >status.json
        # The bridges carry on: what is played next comes to the other side.
        echo '80 3c 40' >&3
        kill -INT $studio $stage
        wait $studio
        wait $stage
    "#;
    if !in_a_network(&format!("{HOSTS}{script}"), &folder.path("")) {
        return;
    }
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let took: u64 = read("milliseconds").trim().parse().unwrap();
    println!("the loop was cut after {took} ms");
    assert!(took < MOST_MS || std::env::var_os("RTPMIDI_THOROUGH").is_none(), "{took} ms");
    let all: Vec<Value> =
        ["studio", "stage"].iter().flat_map(|name| objects(&folder.path(&format!("{name}.json")))).collect();
    let cut: Vec<&Value> = all.iter().filter(|object| object["type"] == "loop").collect();
    assert!(!cut.is_empty());
    let text = read("status.json");
    let states = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
    let connections: Vec<Value> = states.flat_map(|state| state["connections"].as_array().unwrap().clone()).collect();
    for cut in cut {
        let is_it = |it: &&Value| (&it["from"], &it["to"]) == (&cut["from"], &cut["to"]);
        let named = connections.iter().find(is_it).unwrap_or_else(|| panic!("{cut} is not in the status"));
        assert!(named["loop_ms"].as_f64().is_some(), "{named}");
    }
    // A loop of a few milliseconds does not grow into a flood before that.
    let most = connections.iter().map(|it| it["messages"].as_u64().unwrap()).max();
    assert!(most < Some(5000), "{connections:#?}");
}
