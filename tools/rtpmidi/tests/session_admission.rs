//! Who may join a hosted AppleMIDI session: whom somebody at the terminal admits, and whom the neighbourhood knows.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, Program, free_port, in_a_network, objects};

/// Waits in a shell until FILE has so many lines with WORDS.
const WAIT: &str = r#"
    wait_for() {
        for _ in $(seq 600); do
            [ "$(grep -c -- "$2" "$1")" -ge "$3" ] && return
            sleep 0.1
        done
        echo "$1 does not have $3 times $2:" >&2
        cat "$1" >&2
        exit 1
    }
"#;

#[test]
fn somebody_at_the_terminal_decides_who_may_take_part() {
    let (folder, port) = (Folder::new("session-ask"), free_port());
    let script = r#"
        command -v script >without || exit 0
        rm without
        : >typed; : >join.json; : >again.json
        for answer in y n; do
            mkfifo keys.$answer
            exec 3<>keys.$answer
            script -qefc "rtpmidi host --name Studio --port PORT --no-mdns --admit ask --json" typed <keys.$answer >/dev/null &
            host=$!
            wait_for typed '"open"' 1
            rtpmidi join 127.0.0.1:PORT --no-mdns --json --name Visitor >join.$answer.json &
            join=$!
            wait_for typed "Visitor (127.0.0.1) wants to take part. Admit? y or n, within 60 s" 1
            echo $answer >&3
            case $answer in
                y) wait_for join.$answer.json "takes part" 1 ;;
                # It comes again, and nobody is asked again.
                n) wait_for join.$answer.json "has refused" 2 ;;
            esac
            kill -INT $join
            wait $join
            printf '\003' >&3
            wait $host
            cp typed typed.$answer
            : >typed
        done
    "#;
    let script = format!("{WAIT}{}", script.replace("PORT", &port.to_string()));
    let ended = Program::shell(&script, &folder).finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    if folder.path("without").exists() {
        eprintln!("skipped: there is no script(1)");
        return;
    }
    for answer in ["y", "n"] {
        let typed = std::fs::read_to_string(folder.path(&format!("typed.{answer}"))).unwrap();
        assert_eq!(typed.matches("wants to take part").count(), 1, "{typed}");
        assert_eq!(typed.contains(r#""change":"takes part""#), answer == "y", "{typed}");
    }
}

#[test]
fn without_a_terminal_nobody_can_be_asked() {
    let folder = Folder::new("session-ask-nobody");
    let ended = Program::shell("setsid -w rtpmidi host --port 0 --no-mdns --admit ask", &folder).finish();
    ended.failed_with("--admit ask has no terminal to ask on");
    assert!(ended.stderr.contains("hint: name who may join instead"), "{ended:?}");
}

#[test]
fn strangers_are_refused_until_they_announce_a_session_on_the_link() {
    let folder = Folder::new("session-known");
    let script = r#"
        host="" stranger="" known="" neighbour=""
        unshare -n sleep 300 &
        other=$!
        trap 'kill -KILL $host $stranger $known $neighbour $other 2>/dev/null || true' EXIT
        far() { nsenter -t $other -n "$@"; }
        until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
        ip link set there netns $other
        far ip link set lo up
        far ip link set there up
        # The other host is in a network that this one is not in, though on the same link.
        far ip address add 10.88.0.2/24 dev there
        far ip route add 10.77.0.0/24 dev there
        far ip route add 224.0.0.0/4 dev there
        ip address add 10.77.0.1/24 dev here
        ip route add 10.88.0.0/24 dev here
        ip route replace 224.0.0.0/4 dev here
        "$1" host --name Studio --port 5004 --interface here --json >host.json &
        host=$!
        wait_for host.json '"open"' 1
        nsenter -t $other -n "$1" join 10.77.0.1 --no-mdns --name Stranger --json >stranger.json &
        stranger=$!
        wait_for stranger.json "has refused" 1
        kill -INT $stranger
        wait $stranger
        # Announced, it is known.
        nsenter -t $other -n "$1" join 10.77.0.1 --interface there --name Stranger --json >known.json &
        known=$!
        wait_for known.json "takes part" 1
        wait_for host.json "takes part" 1
        kill -INT $known
        wait $known
        # Who is in the local network needs no announcement.
        far ip address add 10.77.0.2/24 dev there
        nsenter -t $other -n "$1" join 10.77.0.1 --no-mdns --name Neighbour --json >neighbour.json &
        neighbour=$!
        wait_for neighbour.json "takes part" 1
        kill -INT $neighbour $host
        wait $neighbour && wait $host
    "#;
    if in_a_network(&format!("{WAIT}{script}"), &folder.path("")) {
        let names: Vec<_> = objects(&folder.path("host.json"))
            .into_iter()
            .filter(|object| object["change"] == "takes part")
            .map(|object| object["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["Stranger", "Neighbour"]);
    }
}
