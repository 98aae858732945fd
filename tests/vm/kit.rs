//! Tests that need an ALSA sequencer: those of a file, run in a machine that has one. See README.md.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes in a machine that is twenty times slower.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs those tests of the calling file that are marked `#[ignore]`, in one machine, one after the other.
pub(crate) fn run_the_ignored_tests() {
    run(&["--timeout", "420"]);
}

/// The same in a machine with a time of its own, for tests that judge time. See [`Busy`].
pub(crate) fn run_the_ignored_tests_in_virtual_time() {
    run(&["--timeout", "420", "--virtual-time"]);
}

fn run(options: &[&str]) {
    if std::env::var_os("RTPMIDI_NO_VM").is_some() {
        eprintln!("skipped: RTPMIDI_NO_VM is set");
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = package.ancestors().map(|folder| folder.join("tests/vm/run")).find(|run| run.exists());
    let run = run.expect("a folder above has tests/vm/run");
    let output = Command::new(run)
        .args(options)
        .arg("--")
        .arg(std::env::current_exe().expect("a test runs"))
        .args(["--ignored", "--test-threads=1", "--nocapture"])
        .current_dir(package)
        .stdin(Stdio::null())
        .output()
        .expect("tests/vm/run can be started");
    let [said, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    println!("{said}\n{complained}");
    assert!(output.status.success(), "{}", output.status);
    assert!(said.contains("test result: ok. ") && !said.contains("ok. 0 passed"), "no test has run");
}

/// Waits until all that a process was sent by the sequencer has been read: a recorder that is interrupted sooner may leave
/// the rest unread.
pub(crate) fn wait_until_all_is_read(process: u32) {
    let started = Instant::now();
    while clients(process).iter().any(|client| unread(*client) > 0) {
        assert!(started.elapsed() < PATIENCE, "process {process} does not read what it is sent");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The numbers of a process's clients.
fn clients(process: u32) -> Vec<u32> {
    let output = Command::new("aconnect").arg("-l").output().expect("aconnect can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let own = text.lines().filter(|line| line.contains(&format!("pid={process}]")));
    own.filter_map(|line| line.strip_prefix("client ")?.split(':').next()?.parse().ok()).collect()
}

/// The cells of the sequencer's memory with events that a client has yet to read.
fn unread(client: u32) -> u32 {
    let clients = std::fs::read_to_string("/proc/asound/seq/clients").expect("there is a sequencer");
    let lines = clients.lines().map(str::trim).skip_while(|line| !line.starts_with(&format!("Client {client:3} ")));
    let mut input =
        lines.skip(1).take_while(|line| !line.starts_with("Client ")).skip_while(|line| *line != "Input pool :");
    let cells = input.find_map(|line| line.strip_prefix("Cells in use"));
    cells.map_or(0, |cells| cells.trim_start_matches([' ', ':']).parse().expect("a number"))
}

/// Keeps virtual time from leaping: something always runs while this value is there, though only when nothing else would.
///
/// Time leaps to the next timer while a program waits for its files, which come in real time. So it is let leap only when
/// all that is needed has been read.
pub(crate) struct Busy(Child);

impl Busy {
    pub(crate) fn start() -> Self {
        let mut loops = Command::new("chrt");
        loops.args(["--idle", "0", "sh", "-c", "while :; do :; done"]);
        Self(loops.spawn().expect("chrt can be started"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads all of its files that a process has mapped, so that it waits for none of them later.
pub(crate) fn read_the_files_of(process: u32) {
    use std::os::unix::fs::FileExt;
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("the process runs");
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [range, _, offset, _, _, path] = fields[..] else { continue };
        let number = |text| usize::from_str_radix(text, 16).expect("hexadecimal digits");
        let (start, end) = range.split_once('-').expect("a range of addresses");
        if let Ok(file) = std::fs::File::open(path) {
            // A file that is gone, or ends before its map does, has nothing more to be waited for.
            let _ = file.read_exact_at(&mut vec![0; number(end) - number(start)], number(offset) as u64);
        }
    }
}
