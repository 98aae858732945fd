//! `rtpmidi patch` at a JACK server: what it lists, connects, learns and survives.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod studio;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kit::{Ended, Folder, Objects, Program, argument};
use serde_json::Value;
use studio::{Server, Studio};

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn clients_of_a_studio() {
    studio::clients();
}

/// What happens to connections sooner after ports have come is nobody's doing.
const INFANCY: Duration = Duration::from_secs(2);

/// `rtpmidi patch` at a server.
fn patch(server: &Server, arguments: &[&str]) -> Program {
    Program::start_by(&mut command(server, arguments))
}

/// The same, with the objects that it prints.
fn patch_with_objects(server: &Server, arguments: &[&str]) -> (Program, Objects) {
    let mut program = Program::of(&mut command(server, arguments));
    let objects = Objects::of(&mut program);
    (program, objects)
}

fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    command.arg("patch").args(arguments);
    command
}

fn ended(server: &Server, arguments: &[&str]) -> Ended {
    patch(server, arguments).finish()
}

/// A server with the ports of a few clients.
fn server() -> Option<(Server, Studio)> {
    let server = Server::jackd()?;
    let mut studio = server.studio();
    studio.ports("keys", &[">out 1", ">out 2"]);
    studio.ports("synth", &["<in", ">left~", ">right~"]);
    studio.ports("speakers", &["<l~", "<r~"]);
    Some((server, studio))
}

#[test]
fn ports_and_connections_are_listed_with_all_their_names() {
    let Some((server, mut studio)) = server() else { return };
    studio.tell(&["alias", "keys:out 1", "usb:Launchpad (capture)"]);
    studio.tell(&["pretty", "keys:out 1", "The \"Keys\""]);
    studio.connect("keys:out 1", "synth:in");
    let listed = ended(&server, &["list", "--no-alsa", "-oan", "keys"]);
    assert_eq!(
        listed.stdout,
        "keys:out 1  (JACK, program, midi)\n    usb:Launchpad (capture)\n    keys:The \"Keys\"\n\
         keys:out 2  (JACK, program, midi)\n"
    );
    assert_eq!(
        ended(&server, &["list", "--no-alsa", "-i", "(?:^s.*)r$"]).stdout,
        "speakers:r  (JACK, program, audio)\n"
    );
    let rules = ended(&server, &["list", "--no-alsa", "--connections"]).stdout;
    assert_eq!(rules, "\"keys\":\"out 1\" --> \"synth\":\"in\"\n");
    let all = ended(&server, &["list", "--no-alsa", "--json", "the"]).objects("port");
    assert_eq!((&all[0]["pretty_name"], &all[0]["flow"]), (&Value::from("The \"Keys\""), &Value::from("output")));
    // What is listed connects the same ports again.
    studio.clear();
    let folder = Folder::new("patch-list");
    let file = folder.write("a.rules", rules.as_bytes());
    let _program = patch(&server, &["--no-alsa", "--rules", argument(&file)]);
    studio.wait_for(&["keys:out 1 > synth:in"]);
}

#[test]
fn rules_are_applied_to_ports_that_are_there_come_are_renamed_and_get_other_names() {
    let Some((server, mut studio)) = server() else { return };
    let rules =
        ["keys:out --> synth", "late --> synth", "'renamed' --> synth", "usb:x --> synth", "/:Pretty$/ --> synth"];
    let mut arguments = vec!["--no-alsa", "--verbose"];
    arguments.extend(rules.iter().flat_map(|rule| ["--rule", rule]));
    let program = patch(&server, &arguments);
    let mut expected = vec!["keys:out 1 > synth:in", "keys:out 2 > synth:in"];
    studio.wait_for(&expected);
    studio.ports("late", &[">a"]);
    expected.push("late:a > synth:in");
    studio.wait_for(&expected);
    studio.ports("other", &[">a", ">b", ">c"]);
    studio.tell(&["pretty", "other:b", "Pretty"]);
    expected.push("other:b > synth:in");
    studio.wait_for(&expected);
    studio.tell(&["alias", "other:c", "usb:x"]);
    // JACK tells nobody of an alias; it is seen with the next thing that it tells.
    studio.ports("other", &[">d"]);
    expected.push("other:c > synth:in");
    studio.wait_for(&expected);
    studio.tell(&["close", "late"]);
    expected.remove(2);
    studio.wait_for(&expected);
    studio.ports("late", &[">a"]);
    expected.push("late:a > synth:in");
    studio.wait_for(&expected);
    let ended = program.interrupted();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("connected late:a --> synth:in  (late --> synth)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("gone late:a") && ended.stderr.contains("6 connections"), "{}", ended.stderr);
}

#[test]
fn a_port_that_is_renamed_is_another_port() {
    let Some((server, mut studio)) = server() else { return };
    studio.ports("box", &[">one"]);
    let _program = patch(&server, &["--no-alsa", "--rule", "box:two --> synth", "--rule", "keys:1 --> synth"]);
    studio.wait_for(&["keys:out 1 > synth:in"]);
    studio.tell(&["rename", "box:one", "two"]);
    studio.wait_for(&["box:two > synth:in", "keys:out 1 > synth:in"]);
}

#[test]
fn what_others_connect_is_tapped_and_forbidden_connections_end() {
    let Some((server, mut studio)) = server() else { return };
    studio.ports("recorder", &["<l~"]);
    let rules = ["@speakers:l --> recorder:l", "synth:right -/-> speakers:r"];
    let mut arguments = vec!["--no-alsa"];
    arguments.extend(rules.iter().flat_map(|rule| ["--rule", rule]));
    let _program = patch(&server, &arguments);
    studio.connect("synth:left", "speakers:l");
    studio.wait_for(&["synth:left > recorder:l", "synth:left > speakers:l"]);
    studio.connect("synth:right", "speakers:r");
    studio.wait_for(&["synth:left > recorder:l", "synth:left > speakers:l"]);
}

#[test]
fn a_cable_that_somebody_pulls_stays_pulled_until_the_port_comes_anew() {
    let Some((server, mut studio)) = server() else { return };
    let _program = patch(&server, &["--no-alsa", "--rule", "keys:out --> synth", "--rule", "late --> synth"]);
    studio.wait_for(&["keys:out 1 > synth:in", "keys:out 2 > synth:in"]);
    studio.disconnect("keys:out 1", "synth:in");
    studio.ports("late", &[">a"]);
    studio.wait_for(&["keys:out 2 > synth:in", "late:a > synth:in"]);
    studio.tell(&["close", "keys"]);
    studio.wait_for(&["late:a > synth:in"]);
    studio.ports("keys", &[">out 1"]);
    studio.wait_for(&["keys:out 1 > synth:in", "late:a > synth:in"]);
}

#[test]
fn rules_are_read_again_when_the_file_changes_and_at_a_hangup() {
    let Some((server, mut studio)) = server() else { return };
    let folder = Folder::new("patch-reload");
    let file = folder.write("studio.rules", b"keys:1 --> synth\nthis is no rule\n");
    let program = patch(&server, &["--no-alsa", "--rules", argument(&file), "--rule", "synth:left --> speakers:l"]);
    studio.wait_for(&["keys:out 1 > synth:in", "synth:left > speakers:l"]);
    fs::write(&file, "keys:2 --> synth\n").unwrap();
    studio.wait_for(&["keys:out 1 > synth:in", "keys:out 2 > synth:in", "synth:left > speakers:l"]);
    fs::write(&file, "keys:1 -/-> synth\n").unwrap();
    assert!(Command::new("kill").args(["-HUP", &program.id().to_string()]).status().unwrap().success());
    studio.wait_for(&["keys:out 2 > synth:in", "synth:left > speakers:l"]);
    let ended = program.interrupted();
    assert!(ended.stderr.contains("studio.rules:2:16: no arrow between two ports (write A --> B"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn rules_of_stdin_stay_at_a_hangup_and_other_rules_wait_for_their_file() {
    let Some((server, mut studio)) = server() else { return };
    let folder = Folder::new("patch-usual");
    let hang_up = |program: &Program| {
        assert!(Command::new("kill").args(["-HUP", &program.id().to_string()]).status().unwrap().success());
    };
    let (program, mut stdin) =
        Program::of_which_stdin_is_open(&mut command(&server, &["--no-alsa", "--rules", "-", "--verbose"]));
    stdin.write_all(b"keys:out --> synth\nlate --> synth\n").unwrap();
    drop(stdin);
    let mut expected = vec!["keys:out 1 > synth:in", "keys:out 2 > synth:in"];
    studio.wait_for(&expected);
    hang_up(&program);
    studio.ports("late", &[">a"]);
    expected.push("late:a > synth:in");
    studio.wait_for(&expected);
    assert_eq!(program.interrupted().code, Some(0));
    studio.clear();
    // The usual file comes, and goes while an editor writes it.
    let mut usual = command(&server, &["--no-alsa", "--learn", "--state", argument(&folder.path("state"))]);
    let program = Program::start_by(usual.env("XDG_CONFIG_HOME", folder.path("")));
    fs::create_dir(folder.path("rtpmidi")).unwrap();
    let file = folder.write("rtpmidi/patch.rules", b"late:* --> synth\n");
    studio.wait_for(&["late:a > synth:in"]);
    fs::remove_file(file).unwrap();
    hang_up(&program);
    studio.ports("late", &[">b"]);
    studio.wait_for(&["late:a > synth:in", "late:b > synth:in"]);
    let said = program.interrupted().stderr;
    assert!(said.contains("rtpmidi/patch.rules is gone: the rules stay as they were"), "{said}");
}

#[test]
fn what_is_connected_by_hand_is_learnt_and_comes_back_with_the_ports() {
    let Some((server, mut studio)) = server() else { return };
    let folder = Folder::new("patch-learn");
    let state = folder.path("deep/state.rules");
    let arguments = ["--no-alsa", "--json", "--learn", "--state", argument(&state), "--rule", "keys:2 --> synth"];
    let (program, lines) = patch_with_objects(&server, &arguments);
    let learnt = |what: &str, from: &str| {
        lines.wait_for(what, kit::PATIENCE, |object| {
            object["type"] == "learnt" && object["by_hand"] == what && object["from"] == from
        });
    };
    studio.wait_for(&["keys:out 2 > synth:in"]);
    std::thread::sleep(INFANCY);
    studio.connect("keys:out 1", "synth:in");
    learnt("connected", "keys:out 1");
    studio.disconnect("keys:out 2", "synth:in");
    learnt("disconnected", "keys:out 2");
    let text = fs::read_to_string(&state).unwrap();
    let rules: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(rules, [r#""keys":"out 1" --> "synth":"in""#, r#""keys":"out 2" -x-> "synth":"in""#]);
    // The end of a program is no pulling of cables.
    studio.tell(&["close", "keys"]);
    studio.wait_for(&[""; 0]);
    studio.ports("keys", &[">out 1", ">out 2"]);
    studio.wait_for(&["keys:out 1 > synth:in"]);
    program.kill();
    studio.clear();
    let again = patch(&server, &arguments);
    studio.wait_for(&["keys:out 1 > synth:in"]);
    assert_eq!(fs::read_to_string(&state).unwrap(), text);
    assert_eq!(again.interrupted().code, Some(0));
}

#[test]
fn a_server_that_dies_and_comes_back_finds_everything_as_it_was() {
    let Some((mut server, mut studio)) = server() else { return };
    let (program, lines) =
        patch_with_objects(&server, &["--no-alsa", "--json", "--retry", "0.2", "--rule", "keys:out --> synth"]);
    let state = |state: &str| {
        lines.wait_for(state, kit::PATIENCE, |object| object["type"] == "server" && object["state"] == state);
    };
    for _ in 0..2 {
        state("reached");
        studio.wait_for(&["keys:out 1 > synth:in", "keys:out 2 > synth:in"]);
        server.kill();
        state("lost");
        state("awaited");
        drop(studio);
        server.start();
        studio = server.studio();
        studio.ports("synth", &["<in"]);
        studio.ports("keys", &[">out 1", ">out 2"]);
    }
    studio.wait_for(&["keys:out 1 > synth:in", "keys:out 2 > synth:in"]);
    let ended = program.interrupted();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn where_there_is_no_alsa_jack_is_patched_all_the_same() {
    if Path::new("/dev/snd/seq").exists() {
        eprintln!("skipped: this machine has an ALSA sequencer");
        return;
    }
    let Some((server, mut studio)) = server() else { return };
    let program = patch(&server, &["--rule", "keys:out --> synth"]);
    studio.wait_for(&["keys:out 1 > synth:in", "keys:out 2 > synth:in"]);
    let said = program.interrupted().stderr;
    assert!(
        said.contains("there is no ALSA sequencer: /dev/snd/seq is missing; waiting for it\nhint: modprobe"),
        "{said}"
    );
    let listed = ended(&server, &["list", "-c"]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 2));
    assert!(listed.stderr.starts_with("warning: there is no ALSA sequencer"), "{}", listed.stderr);
}

#[test]
fn without_a_server_it_says_what_is_missing_and_what_to_do() {
    // A folder without a server in it.
    let folder = Folder::new("patch-none");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
        command.arg("patch").args(arguments).env("JACK_DEFAULT_SERVER", "rtpmidi-nobody");
        Program::start_by(command.env("XDG_RUNTIME_DIR", folder.path("")).env("XDG_CONFIG_HOME", folder.path("")))
            .finish()
    };
    run(&["list", "--no-alsa"]).failed_with("no JACK server is running");
    let given_up = run(&["--no-alsa", "--rule", "a --> b", "--retry", "0.1", "--max-attempts", "3"]);
    assert_eq!(given_up.code, Some(1));
    assert!(given_up.stderr.contains("no JACK server is running; going on without it"), "{}", given_up.stderr);
    assert!(given_up.stderr.contains("hint: start jackd, or run this program by pw-jack"), "{}", given_up.stderr);
    run(&["--no-alsa"]).failed_with("there are no rules");
    run(&["--no-alsa", "--rules", "/nonexistent/x.rules"]).failed_with("cannot read /nonexistent/x.rules");
    let unsorted = folder.write("a.rules", b"a --> b\na - b\n'c --> d\n");
    let checked = run(&["check", argument(&unsorted)]);
    assert_eq!((checked.code, checked.stderr.lines().count()), (Some(1), 4), "{}", checked.stderr);
    assert!(checked.stderr.contains("a.rules:3:1: the quotation mark ' is not closed (close it"), "{}", checked.stderr);
    let patterns = folder.write("patterns.txt", b"a:out_(?P<n>\\d)$\n  b:in_{n}\n");
    let printed = run(&["check", "--print", argument(&patterns)]);
    assert_eq!(
        printed.stdout,
        "/^(?:a:out_(?P<n>\\d)$)/ --> /^(?:b:in_{n})/\n@/^(?:a:out_(?P<n>\\d)$)/ --> /^(?:b:in_{n})/\n"
    );
    assert!(
        printed.stderr.ends_with("patterns.txt: 2 rules in the language of jack-matchmaker\n"),
        "{}",
        printed.stderr
    );
}

#[test]
fn a_new_port_among_a_thousand_is_patched_by_one_of_five_hundred_rules() {
    if std::env::var_os("RTPMIDI_THOROUGH").is_none() {
        eprintln!("skipped: RTPMIDI_THOROUGH is not set");
        return;
    }
    let Some(server) = Server::jackd_for("2048", "64") else { return };
    let mut studio = server.studio();
    for client in 0..10 {
        let ports: Vec<_> =
            (0..100).map(|port| format!("{}port {port}", if port % 2 == 0 { '>' } else { '<' })).collect();
        studio.ports(&format!("client {client}"), &ports.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let folder = Folder::new("patch-many");
    let file = folder.write("many.rules", kit::five_hundred_rules().as_bytes());
    // Where cores sleep deeply the server alone takes longer than is asked of both.
    let options = ["--no-alsa", "--json", "--cpu-latency", "0", "--rules", argument(&file)];
    let (program, lines) = patch_with_objects(&server, &options);
    lines.wait_for("reached", kit::PATIENCE, |object| object["type"] == "server");
    let before = processor_time(program.id());
    let time = |studio: &mut Studio, words: &[&str]| studio.tell(&[&["time"], words].concat())[0].parse().unwrap();
    let patched = sorted((10..100).map(|port| time(&mut studio, &["new", &format!("port {port}")])).collect());
    let each = (processor_time(program.id()) - before) / 90;
    let (mut own, mut answers, mut ports) = (Vec::new(), Vec::new(), BTreeSet::new());
    while own.len() < 90 {
        let object = lines.wait_for("connected", kit::PATIENCE, |object| object["type"] == "connected");
        assert!(ports.insert(object["from"].to_string()), "twice: {object}");
        own.push(object["after_us"].as_u64().unwrap());
        answers.push(object["answer_us"].as_u64().unwrap());
    }
    let (own, answers) = (sorted(own), sorted(answers));
    drop(program);
    // Nobody has to find out about these.
    let sink = |port: u32| format!("client {}:port {}", port % 10, port % 50 * 2 + 1);
    let at_once =
        sorted((10..100).map(|port| time(&mut studio, &["own", &format!("port {port}"), &sink(port)])).collect());
    // Nothing but a client that connects as soon as it is told, without a rule.
    studio.tell(&["bystander", "new", &sink(1)]);
    let by_another = sorted((10..100).map(|port| time(&mut studio, &["new", &format!("port {port}")])).collect());
    let notices = sorted(studio.tell(&["bystander"]).iter().map(|time| time.parse().unwrap()).collect());
    let words = |times: &[u64]| format!("median {}, 99 % {}, most {}", times[45], times[88], times[89]);
    println!("microseconds from registration to connection: {}", words(&patched));
    println!("the same where whoever registers connects at once: {}", words(&at_once));
    println!("the same with a client that connects whatever it is told of: {}", words(&by_another));
    println!("from the server's notice to the request to connect: {}", words(&own));
    println!("the same with that client: {}", words(&notices));
    println!("from the request to the server's answer: {}", words(&answers));
    println!("the program computes for each, with what it does when a port goes: {each}");
    assert!(patched[45] < at_once[45] + 5000, "JACK's server takes the rest");
    assert!(cfg!(debug_assertions) || own[88] < 2000, "it takes its time: {own:?}");
}

fn sorted(mut times: Vec<u64>) -> Vec<u64> {
    times.sort_unstable();
    times
}

/// Microseconds that a process has computed.
fn processor_time(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the name, which may have blanks: the state, and twelve fields on in user mode and in the system's.
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap() * 10_000).sum()
}

#[test]
fn what_would_be_done_is_said_and_not_done_and_every_decision_is_explained() {
    let Some((server, mut studio)) = server() else { return };
    let folder = Folder::new("patch-dry");
    let file = folder.write("a.rules", b"keys:out --> synth\nkeys:2 -x-> synth\n");
    let would = ended(&server, &["--no-alsa", "--rules", argument(&file), "--dry-run"]);
    assert!(would.stderr.contains("would connect keys:out 1 --> synth:in  (line 1)"), "{}", would.stderr);
    assert!(!would.stderr.contains("out 2"), "{}", would.stderr);
    assert!(studio.connections().is_empty());
    let why = ended(&server, &["explain", "--no-alsa", "--rules", argument(&file), "out 2", "synth:in"]);
    assert_eq!(
        why.stdout,
        "keys:out 2 --> synth:in: not connected\n  line 1: keys:out --> synth  connects them\n  \
         line 2: keys:2 -x-> synth  leaves them alone, and decides\n"
    );
    let why = ended(&server, &["explain", "--no-alsa", "--json", "--rules", argument(&file), "keys:out 1", "synth"]);
    assert_eq!(why.objects("explanation")[0]["change"], "connect");
    // What has been learnt decides here too.
    let state = folder.write("state.rules", b"\"keys\":\"out 1\" -x-> \"synth\":\"in\"\n");
    let learnt = ["--learn", "--state", argument(&state), "--rules", argument(&file), "keys:out 1", "synth"];
    let why = ended(&server, &[&["explain", "--no-alsa"], &learnt[..]].concat());
    assert!(why.stdout.starts_with("keys:out 1 --> synth:in: not connected\n"), "{}", why.stdout);
    assert!(why.stdout.contains("-x-> \"synth\":\"in\"  leaves them alone, and decides\n"), "{}", why.stdout);
    ended(&server, &["explain", "--no-alsa", "speakers", "synth"]).failed_with("nothing comes out of speakers:l");
    ended(&server, &["explain", "--no-alsa", "violin", "synth"]).failed_with("there is no port violin");
}
