//! `rtpmidi doctor` in networks whose faults are made on purpose, and with peers that answer, refuse, lose and are silent.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[allow(dead_code, reason = "only its link is used here")]
#[path = "../../../crates/applemidi-io/tests/kit/mod.rs"]
mod ends;
mod kit;

use std::process::Command;

use ends::{Link, Weather};
use kit::{Ended, Folder, Objects, PATIENCE, Program, in_a_network, objects};
use serde_json::Value;

/// What has been found by one check, at the worst.
fn worst<'a>(findings: &'a [Value], check: &str) -> &'a Value {
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    let rank = |finding: &&Value| ["ok", "warning", "failure"].iter().position(|level| finding["level"] == *level);
    of_check.max_by_key(rank).unwrap_or_else(|| panic!("nothing is said of {check}: {findings:?}"))
}

/// Asserts that the worst finding of a check is of this level, and has these words in it or its command.
fn found(findings: &[Value], check: &str, level: &str, words: &str) {
    let finding = worst(findings, check);
    assert_eq!(finding["level"], level, "{finding}");
    let all = format!("{} {}", finding["what"], finding["mend"]);
    assert!(all.contains(words), "{words} is not in {finding}");
    assert_eq!(finding["mend"].is_null(), level == "ok", "{finding}");
}

/// A session on loopback, and its control port.
fn host(arguments: &[&str]) -> (Program, u64) {
    let fixed = ["host", "--name", "Studio", "--port", "0", "--no-mdns", "--json"];
    let mut program = Program::start_with_open_stdout(&[&fixed, arguments].concat());
    let lines = Objects::of(&mut program);
    let open = lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    (program, open["port"].as_u64().unwrap())
}

/// Looks at loopback, and at a peer there.
fn doctor(port: u64, seconds: &str) -> Ended {
    let peer = format!("127.0.0.1:{port}");
    let arguments = ["doctor", &peer, "--interface", "lo", "--wait", "0.1", "--for", seconds, "--json"];
    Program::start(&arguments).finish()
}

#[test]
fn a_healthy_network_has_its_session_found_and_measured() {
    let script = r#"
        ip address add 10.77.0.1/24 dev here
        "$1" host --name "Grand Piano" --port 5006 --interface here --json >host.json &
        host=$!
        for _ in $(seq 100); do grep -q open host.json && break; sleep 0.1; done
        "$1" doctor "Grand Piano" --interface here --wait 10 --for 2 --json >doctor.json
        kill -INT $host
        wait $host
    "#;
    let folder = Folder::new("doctor-healthy");
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    let findings = objects(&folder.path("doctor.json"));
    found(&findings, "interfaces", "ok", "here is up: 10.77.0.1/24");
    found(&findings, "ipv6", "ok", "here has IPv6");
    found(&findings, "multicast", "ok", "here hears groups");
    found(&findings, "firewall", "ok", "5004, 5005, 5353 comes in by here");
    found(&findings, "mdns", "ok", "");
    assert!(findings.iter().any(|finding| finding["what"] == "1 AppleMIDI session: Grand Piano"), "{findings:?}");
    let is_let_in = |finding: &Value| finding["what"].as_str().is_some_and(|what| what.contains("lets us take part"));
    // On a busy machine round trips may take long.
    assert!(findings.iter().any(is_let_in) && worst(&findings, "peer")["level"] != "failure", "{findings:?}");
    let trips = findings.iter().find(|object| object["type"] == "round_trips").unwrap();
    assert!(trips["answered"].as_u64().unwrap() > 1 && trips["median_ms"].as_f64().unwrap() > 0.0, "{trips}");
    let listed = trips["histogram"].as_array().unwrap().iter().map(|step| step["count"].as_u64().unwrap());
    assert!(listed.sum::<u64>() <= trips["answered"].as_u64().unwrap(), "{trips}");
    assert_eq!(findings.last().unwrap()["failures"], 0);
}

#[test]
fn faults_of_a_network_are_found_with_the_commands_that_mend_them() {
    let script = r#"
        ip address add 10.77.0.1/24 dev here
        check() { "$1" doctor --interface here --wait 0.1 --json; }
        ip link set here multicast off
        check "$1" >unicast.json
        ip link set here multicast on
        echo 1 >/proc/sys/net/ipv6/conf/here/disable_ipv6
        check "$1" >without-ipv6.json
        ip address flush dev here
        check "$1" >without-address.json
        ip link set there down
        check "$1" >unplugged.json
        ip link set here down
        "$1" doctor --wait 0.1 --json >down.json && exit 1
        test $? = 1
    "#;
    let folder = Folder::new("doctor-faults");
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    for (file, check, level, words) in [
        ("unicast.json", "interfaces", "warning", "ip link set dev here multicast on"),
        ("without-ipv6.json", "ipv6", "warning", "sysctl -w net.ipv6.conf.here.disable_ipv6=0"),
        ("without-address.json", "interfaces", "warning", "here is connected, but has no address"),
        ("unplugged.json", "interfaces", "warning", "nothing is connected to it"),
        ("down.json", "interfaces", "failure", "no network interface but loopback is up"),
        ("down.json", "mdns", "warning", "nobody answers"),
    ] {
        found(&objects(&folder.path(file)), check, level, words);
    }
}

#[test]
fn a_firewall_that_drops_is_noticed_without_the_right_to_read_it() {
    if !Command::new("nft").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no nft here");
        return;
    }
    let script = r#"
        ip address add 10.77.0.1/24 dev here
        nft add table inet filter || { touch no-rules; exit 0; }
        nft 'add chain inet filter input { type filter hook input priority 0; policy accept; }'
        nft add rule inet filter input udp dport 5004 drop
        "$1" doctor --interface here --wait 0.1 --json >doctor.json && exit 1
        test $? = 1
    "#;
    let folder = Folder::new("doctor-firewall");
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    if folder.path("no-rules").exists() {
        eprintln!("skipped: this kernel has no nftables");
        return;
    }
    let findings = objects(&folder.path("doctor.json"));
    found(&findings, "firewall", "failure", "what comes to UDP port 5004 by here is dropped");
    found(&findings, "multicast", "ok", "here hears");
}

#[test]
fn a_peer_that_refuses_and_one_that_is_silent_are_told_apart() {
    let (refuses, port) = host(&["--admit", "192.0.2.0/24"]);
    let ended = doctor(port, "1");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    found(&ended.objects("finding"), "peer", "failure", "rtpmidi host --admit 127.0.0.1");
    assert_eq!(refuses.interrupted().code, Some(0));
    let ended = doctor(port, "1");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    found(&ended.objects("finding"), "peer", "failure", "does not answer");
    assert!(ended.objects("round_trips").is_empty(), "{ended:?}");
}

#[test]
fn loss_on_the_way_is_counted_and_nobody_by_a_name_is_a_failure() {
    let (host, port) = host(&[]);
    let weather = Weather { lost: 30, burst: 1, ..Weather::default() };
    let link = Link::to(([127, 0, 0, 1], u16::try_from(port).unwrap()).into(), weather, 7);
    let ended = doctor(link.address().port().into(), "6");
    let trips = ended.objects("round_trips").remove(0);
    let [asked, answered, lost] = ["asked", "answered", "lost"].map(|key| trips[key].as_u64().unwrap());
    assert!(lost > 0 && answered > 0 && asked == answered + lost, "{trips}");
    assert!(
        ended.objects("finding").iter().any(|finding| finding["what"].as_str().unwrap().contains("got no answer")),
        "{ended:?}"
    );
    assert_eq!(host.interrupted().code, Some(0));
    let nobody = Program::start(&["doctor", "No Such Session", "--interface", "lo", "--wait", "0.1"]).finish();
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stdout.contains("nobody announces a session No Such Session"), "{nobody:?}");
    assert!(nobody.stderr.starts_with("error: ") && nobody.stderr.contains("found"), "{nobody:?}");
    let nowhere = Program::start(&["doctor", "--interface", "nowhere0"]).finish();
    nowhere.failed_with("there is no network interface nowhere0");
}
