//! AppleMIDI sessions between two hosts whose network is cut, whose programs are killed or stopped, and who move. A minute
//! or two of it only with `RTPMIDI_THOROUGH`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, in_a_network_for, objects};
use serde_json::Value;

/// Two hosts with an interface each, `here` and `there`. `far COMMAND` runs at the other one. What is written to `near.in`
/// and `far.in` is played.
const HOSTS: &str = r#"
    join="" host=""
    unshare -n sleep 300 &
    other=$!
    # Nobody outlives a test that fails.
    trap 'kill -KILL $join $host $other 2>/dev/null || true' EXIT
    far() { nsenter -t $other -n "$@"; }
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
    ip link set there netns $other
    # By IPv6 they would reach each other under their old addresses.
    echo 1 >/proc/sys/net/ipv6/conf/here/disable_ipv6
    far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/there/disable_ipv6'
    far ip link set lo up
    far ip link set there up
    far ip address add 10.77.0.2/24 dev there
    far ip route add 224.0.0.0/4 dev there
    ip address add 10.77.0.1/24 dev here
    ip route replace 224.0.0.0/4 dev here
    mkfifo near.in far.in
    exec 3<>near.in 4<>far.in
    # Waits until FILE has so many lines with WORDS.
    wait_for() {
        for _ in $(seq 1500); do
            [ "$(grep -c -- "$2" "$1")" -ge "$3" ] && return
            sleep 0.1
        done
        echo "$1 does not have $3 times $2:" >&2
        tail -n 20 "$1" >&2
        exit 1
    }
    host() { nsenter -t $other -n "$@" --print --json --stdin hex <far.in >>far.json & host=$!; }
    join() { "$@" --print --json --stdin hex <near.in >>near.json & join=$!; }
    # `far.test` is where the file `hosts` says.
    join_by_name() { join unshare -m sh -c 'mount --bind hosts /etc/hosts && exec "$0" "$@"' "$1" join far.test --no-mdns; }
    far_moves() {
        far ip address add 10.77.0.3/24 dev there
        far ip address del 10.77.0.2/24 dev there
        # It may have gone with the other one.
        far ip address add 10.77.0.3/24 dev there 2>/dev/null || true
    }
    together() { wait_for near.json "takes part" "$1"; wait_for far.json "takes part" "$1"; }
    # The first of two may come before the other one listens.
    play() { echo "$2" >&"$1"; }
    finish() {
        kill -INT $join $host
        wait $join && wait $host
    }
"#;

/// Runs it, and returns what both ends have told, the near one first; nothing where networks are not allowed.
fn run(name: &str, script: &str) -> Option<[Vec<Value>; 2]> {
    let folder = Folder::new(name);
    let script = format!("{HOSTS}{script}");
    in_a_network_for(300, &script, &folder.path(""))
        .then(|| ["near.json", "far.json"].map(|name| objects(&folder.path(name))))
}

/// What has become of participants.
fn changes(objects: &[Value]) -> Vec<&str> {
    objects.iter().filter_map(|object| object["change"].as_str()).collect()
}

fn is_thorough() -> bool {
    let is_thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    if !is_thorough {
        eprintln!("skipped: this takes long; set RTPMIDI_THOROUGH");
    }
    is_thorough
}

/// Nobody has left anything sounding.
fn nothing_hangs(ends: &[Vec<Value>; 2]) {
    for end in ends {
        assert_eq!(end.last().unwrap()["hanging_notes"], 0, "{end:?}");
    }
}

#[test]
fn a_session_outlasts_a_cut_of_five_seconds_and_a_note_that_ended_meanwhile_ends() {
    let script = r#"
        host "$1" host --name Far --no-mdns
        join "$1" join 10.77.0.2 --no-mdns
        together 1
        play 3 "90 3c 64"; wait_for far.json '"90 3c 64"' 1
        play 4 "90 40 64"; wait_for near.json '"90 40 64"' 1
        # Both ends have told how far they have heard, so that they know that the other one tells.
        sleep 1.5
        far ip link set there down
        play 3 "80 3c 40"; play 4 "80 40 40"
        sleep 5
        far ip link set there up
        # Nobody plays anything more.
        wait_for far.json '"80 3c' 1
        wait_for near.json '"80 40' 1
        finish
    "#;
    if let Some(ends) = run("session-cut", script) {
        nothing_hangs(&ends);
        for end in &ends {
            assert_eq!(changes(end).iter().filter(|change| **change == "takes part").count(), 1, "{end:?}");
        }
    }
}

#[test]
fn a_session_comes_back_after_a_cut_of_two_minutes_and_is_silent_meanwhile() {
    let script = r#"
        host "$1" host --name Far --no-mdns
        join "$1" join 10.77.0.2 --no-mdns
        together 1
        play 3 "90 3c 64"; wait_for far.json '"90 3c 64"' 1
        play 4 "90 40 64"; wait_for near.json '"90 40 64"' 1
        far ip link set there down
        wait_for near.json '"80 40' 1; wait_for far.json '"80 3c' 1
        wait_for near.json "is not heard any more" 1; wait_for far.json "is not heard any more" 1
        sleep 30
        far ip link set there up
        together 2
        sleep 2
        play 3 "90 3e 64"; wait_for far.json '"90 3e 64"' 1
        play 4 "90 41 64"; wait_for near.json '"90 41 64"' 1
        finish
    "#;
    if is_thorough()
        && let Some(ends) = run("session-long-cut", script)
    {
        nothing_hangs(&ends);
    }
}

#[test]
fn whoever_is_killed_is_silenced_and_taken_back() {
    let script = r#"
        host "$1" host --name Far --no-mdns
        join "$1" join 10.77.0.2 --no-mdns --name Near
        together 1
        play 3 "90 3c 64"; wait_for far.json '"90 3c 64"' 1
        kill -KILL $join
        wait $join || true
        join "$1" join 10.77.0.2 --no-mdns --name Near
        together 2
        sleep 2
        play 3 "90 3e 64"; wait_for far.json '"90 3e 64"' 1
        # The one that was killed is missed.
        wait_for far.json '"80 3c' 1
        play 4 "90 41 64"; wait_for near.json '"90 41 64"' 1
        kill -KILL $host
        wait $host || true
        wait_for near.json '"80 41' 1
        host "$1" host --name Far --no-mdns
        together 3
        sleep 2
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        finish
    "#;
    if is_thorough()
        && let Some(ends) = run("session-killed-twice", script)
    {
        nothing_hangs(&ends);
    }
}

#[test]
fn whoever_stops_for_a_while_is_silenced_and_goes_on_in_the_same_session() {
    let script = r#"
        host "$1" host --name Far --no-mdns
        join "$1" join 10.77.0.2 --no-mdns
        together 1
        play 4 "90 41 64"; wait_for near.json '"90 41 64"' 1
        kill -STOP $host
        wait_for near.json "does not answer" 1
        wait_for near.json '"80 41' 1
        sleep 5
        kill -CONT $host
        play 3 "90 3e 64"; wait_for far.json '"90 3e 64"' 1
        play 3 "80 3e 40"; wait_for far.json '"80 3e 40"' 1
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        finish
    "#;
    if is_thorough()
        && let Some(ends) = run("session-stopped", script)
    {
        nothing_hangs(&ends);
        assert!(!changes(&ends[0]).contains(&"is not heard any more"), "{ends:?}");
    }
}

#[test]
fn whoever_gets_another_address_is_found_again() {
    let script = r#"
        host "$1" host --name Far --interface there
        join "$1" join Far --interface here
        together 1
        play 4 "90 41 64"; wait_for near.json '"90 41 64"' 1
        far_moves
        far ip route replace 224.0.0.0/4 dev there
        wait_for near.json '"80 41' 1
        together 2
        sleep 2
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        play 3 "90 3e 64"; wait_for far.json '"90 3e 64"' 1
        # Now the one that has called moves.
        ip address add 10.77.0.9/24 dev here
        ip address del 10.77.0.1/24 dev here
        ip address add 10.77.0.9/24 dev here 2>/dev/null || true
        ip route replace 224.0.0.0/4 dev here
        wait_for far.json "takes part" 3
        sleep 4
        play 3 "90 45 64"; wait_for far.json '"90 45 64"' 1
        play 4 "90 47 64"; wait_for near.json '"90 47 64"' 1
        wait_for far.json '"80 3e' 1
        finish
    "#;
    if is_thorough()
        && let Some(ends) = run("session-moved", script)
    {
        nothing_hangs(&ends);
        assert!(!changes(&ends[0]).contains(&"is not heard any more"), "{ends:?}");
    }
}

#[test]
fn a_peer_that_is_announced_again_is_joined_again_at_once() {
    let script = r#"
        host "$1" host --name Far --interface there
        join "$1" join Far --interface here
        together 1
        kill -INT $host
        wait $host
        wait_for near.json "has left" 1
        # It takes up to half a minute to be tried again, unless it is seen to be back.
        host "$1" host --name Far --interface there --port 5010
        together 2
        sleep 2
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        finish
    "#;
    if let Some(ends) = run("session-announced-again", script) {
        nothing_hangs(&ends);
    }
}

#[test]
fn a_peer_that_is_joined_by_the_name_of_its_host_is_looked_up_again() {
    let script = r#"
        echo "10.77.0.2 far.test" >hosts
        host "$1" host --name Far --no-mdns
        join_by_name "$1"
        together 1
        kill -INT $host
        wait $host
        wait_for near.json "has left" 1
        far_moves
        echo "10.77.0.3 far.test" >hosts
        host "$1" host --name Far --no-mdns
        together 2
        sleep 2
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        finish
    "#;
    if let Some(ends) = run("session-named-host", script) {
        nothing_hangs(&ends);
    }
}

#[test]
fn a_peer_that_is_only_at_its_second_address_is_joined_there_before_the_first_is_given_up() {
    // Of IPv6 and IPv4 each is once the first, at which nobody is.
    let script = r#"
        [ -e /etc/gai.conf ] || { touch near.json far.json; exit 0; }
        echo 0 >/proc/sys/net/ipv6/conf/here/disable_ipv6
        far sh -c 'echo 0 >/proc/sys/net/ipv6/conf/there/disable_ipv6'
        ip address add 2001:db8::1/64 dev here nodad
        far ip address add 2001:db8::2/64 dev there nodad
        count=0
        host "$1" host --name Far --no-mdns
        for addresses in "10 2001:db8::9 10.77.0.2" "100 10.77.0.9 2001:db8::2"; do
            set -- "$1" $addresses
            printf 'precedence ::/0 40\nprecedence ::ffff:0:0/96 %s\n' "$2" >gai.conf
            printf '%s far.test\n%s far.test\n' "$3" "$4" >hosts
            join unshare -m sh -c 'mount --bind hosts /etc/hosts && mount --bind gai.conf /etc/gai.conf && exec "$0" "$@"' \
                "$1" join far.test --no-mdns
            count=$((count + 1))
            together $count
            kill -INT $join
            wait $join
            wait_for far.json "has left" $count
        done
        kill -INT $host
        wait $host
    "#;
    if let Some([near, _]) = run("session-two-addresses", script) {
        let changes = changes(&near);
        let expected = ["is invited", "is invited", "takes part"];
        assert!(changes.is_empty() || changes == [expected, expected].concat(), "{near:?}");
    }
}

#[test]
fn a_peer_that_has_moved_is_tried_at_each_address_that_its_name_has() {
    let script = r#"
        echo "10.77.0.2 far.test" >hosts
        host "$1" host --name Far --no-mdns
        join_by_name "$1"
        together 1
        # Nobody is at two of them.
        for last in 2 7 8 3; do echo "10.77.0.$last far.test"; done >hosts
        far_moves
        together 2
        sleep 2
        play 4 "90 43 64"; wait_for near.json '"90 43 64"' 1
        play 3 "90 3e 64"; wait_for far.json '"90 3e 64"' 1
        finish
    "#;
    if is_thorough()
        && let Some(ends) = run("session-several-addresses", script)
    {
        nothing_hangs(&ends);
        assert!(!changes(&ends[0]).contains(&"is not heard any more"), "{ends:?}");
    }
}
