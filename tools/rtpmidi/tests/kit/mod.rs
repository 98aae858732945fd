//! What the tests of the program share: songs, ports, folders, and running the program without waiting for ever.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use smf_timeline::{Body, Song};

/// Longer than anything here takes on a slow machine, or in a machine inside one.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rtpmidi-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, octets).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An even UDP port of the loopback address that is free, as is the one above it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time have ports of their own: one that is free may be that of a peer who comes back.
    let slot = std::env::var("RTPMIDI_TEST_SLOT").ok().and_then(|slot| slot.parse::<u16>().ok());
    // All are below those that the system gives out.
    let (first, count) = slot.map_or((12_000, 20_000), |slot| (12_000 + slot % 5 * 4_000, 4_000));
    let start = (std::process::id() % 1000) as u16 * 20;
    loop {
        let port = first + (((start + NEXT.fetch_add(2, Ordering::Relaxed)) % count) & !1);
        let is_free = |port| UdpSocket::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}

/// A Standard MIDI File of one track: 500 ticks a second, each message behind a number of ticks.
pub(crate) fn song(messages: &[(u16, &[u8])]) -> Vec<u8> {
    let mut track = vec![0, 0xFF, 0x03, 4];
    track.extend(b"Test");
    for (delta, message) in messages {
        track.extend([0x80 | (delta >> 7) as u8, (delta & 0x7F) as u8]);
        track.extend(*message);
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    // 250 ticks a quarter note, of which there are two a second unless the file says otherwise.
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\xFAMTrk".to_vec();
    file.extend((track.len() as u32).to_be_bytes());
    file.extend(track);
    file
}

/// The program, running.
pub(crate) struct Program {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// The program, when it has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_rtpmidi")).args(arguments))
    }

    /// The same by any command, such as one in another environment.
    pub(crate) fn start_by(command: &mut Command) -> Self {
        let mut program = Self::of(command);
        let stdout = program.stdout();
        program.stdout = Some(std::thread::spawn(move || gather(stdout)));
        program
    }

    /// The same, where the test reads stdout itself.
    pub(crate) fn start_with_open_stdout(arguments: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_rtpmidi")).args(arguments))
    }

    /// The same, where the test writes stdin as well.
    pub(crate) fn start_with_open_stdin(arguments: &[&str]) -> (Self, ChildStdin) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
        Self::of_which_stdin_is_open(command.args(arguments))
    }

    /// The same, in the network of another process.
    pub(crate) fn start_in_the_network_of(process: u32, arguments: &[&str]) -> (Self, ChildStdin) {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "-U", "-n", "-t", &process.to_string()]);
        Self::of_which_stdin_is_open(command.arg(env!("CARGO_BIN_EXE_rtpmidi")).args(arguments))
    }

    /// The same by any command.
    pub(crate) fn of_which_stdin_is_open(command: &mut Command) -> (Self, ChildStdin) {
        let mut program = Self::with_stdin(command, Stdio::piped());
        let stdin = program.child.stdin.take().unwrap();
        (program, stdin)
    }

    /// A command line in a shell whose GStreamer has our plugin, and which finds `rtpmidi`.
    pub(crate) fn shell(line: &str, folder: &Folder) -> Self {
        let plugins = plugins(folder);
        let program = Path::new(env!("CARGO_BIN_EXE_rtpmidi")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(folder.path("")).env("PATH", path);
        Self::start_by(shell.env("GST_PLUGIN_PATH", plugins).env("GST_REGISTRY", folder.path("registry.bin")))
    }

    /// The same by any command, where the test reads stdout itself.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::with_stdin(command, Stdio::null())
    }

    fn with_stdin(command: &mut Command, stdin: Stdio) -> Self {
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self { child, stdout: None, stderr: Some(std::thread::spawn(move || gather(stderr))) }
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal: `STOP` keeps it from running until `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Presses Ctrl-C and waits for the end.
    pub(crate) fn interrupted(mut self) -> Ended {
        if self.is_running() {
            self.interrupt();
        }
        self.finish()
    }

    /// Presses Ctrl-C once more, late enough to be a wish of its own, and waits for the end.
    pub(crate) fn interrupted_again(self) -> Ended {
        std::thread::sleep(Duration::from_millis(300));
        self.interrupted()
    }

    /// Ends it as a crash does: it cannot say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, not for ever.
    pub(crate) fn finish(mut self) -> Ended {
        let started = Instant::now();
        while self.is_running() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let is_running = self.is_running();
        if is_running {
            self.child.kill().unwrap();
        }
        let text = |thread: Option<JoinHandle<String>>| thread.map(|thread| thread.join().unwrap());
        let ended = Ended {
            code: self.child.wait().unwrap().code(),
            stdout: text(self.stdout.take()).unwrap_or_default(),
            stderr: text(self.stderr.take()).unwrap_or_default(),
        };
        assert!(!is_running, "the program does not end: {ended:?}");
        ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The objects printed with `--json` that have this type.
    pub(crate) fn objects(&self, kind: &str) -> Vec<Value> {
        let objects = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        objects.filter(|object| object["type"] == kind).collect()
    }

    /// The summary, of which there is one.
    pub(crate) fn summary(&self) -> Value {
        let mut summaries = self.objects("summary");
        assert_eq!(summaries.len(), 1, "{self:?}");
        summaries.remove(0)
    }

    /// Asserts that it failed with one line that starts with `error: ` and has `words`, and perhaps a hint.
    pub(crate) fn failed_with(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let errors: Vec<&&str> = lines.iter().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        assert!(errors[0].contains(words), "{self:?}");
        assert!(lines.iter().all(|line| line.starts_with("error: ") || line.starts_with("hint: ")), "{self:?}");
    }
}

/// The folder `plugins`, which has our plugins and nothing else, since GStreamer looks at every file it finds there.
pub(crate) fn plugins(folder: &Folder) -> PathBuf {
    let plugins = folder.path("plugins");
    fs::create_dir_all(&plugins).unwrap();
    for name in ["libgstrtpmidi.so", "libgstapplemidi.so", "libgstipmidi.so"] {
        let plugin = std::env::current_exe().unwrap().with_file_name(name);
        let _ = std::os::unix::fs::symlink(plugin, plugins.join(name));
    }
    plugins
}

/// What the page of an element says is to be typed, of which the first line starts like this.
pub(crate) fn documented(page: &str, start: &str) -> String {
    let path = format!("{}/../../docs/elements/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(start));
    let mut command = lines.next().unwrap_or_else(|| panic!("{page} has no {start}")).to_owned();
    while let Some(first) = command.strip_suffix('\\') {
        command = format!("{first}{}", lines.next().unwrap());
    }
    command
}

/// The messages of a file in order.
pub(crate) fn messages(path: &Path) -> Vec<Vec<u8>> {
    let song = Song::read(&fs::read(path).unwrap(), 0).unwrap();
    song.events()
        .filter_map(|event| match event.body {
            Body::Message(octets) => Some(octets.to_vec()),
            Body::Meta(_) => None,
        })
        .collect()
}

/// Waits until `path` exists.
pub(crate) fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < PATIENCE, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a program listens on UDP `port`, without binding it for a moment, which could be the wrong one.
pub(crate) fn wait_for_listener(port: u16) {
    let started = Instant::now();
    let local = format!(":{port:04X} ");
    while !fs::read_to_string("/proc/net/udp").unwrap().contains(&local) {
        assert!(started.elapsed() < PATIENCE, "nobody listens on port {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Rules of every sort, of which one connects each port of the client `new`.
pub(crate) fn five_hundred_rules() -> String {
    let rules = (0..100).flat_map(|n| {
        [
            format!("studio {n}:out --> studio {}:in", n + 1),
            format!("\"Client {n}\":'out 3' --> \"Client {}\":'in 1'", (n + 7) % 100),
            format!("desk {n}?:out * -x-> *{n}:in [3]"),
            format!("/^Desk {n}:out (?P<port>\\d+)$/ --> 'Desk {}':\"in {{port}}\"", (n + 13) % 100),
            // Whole names: each port has one rule.
            format!("\"new\":\"port {n}\" --> \"client {}\":\"port {}\"", n % 10, n % 50 * 2 + 1),
        ]
    });
    rules.collect::<Vec<_>>().join("\n")
}

/// Reads lines until one satisfies `wanted`.
pub(crate) fn wait_for_line(lines: &mut impl BufRead, wanted: impl Fn(&str) -> bool) -> String {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if wanted(&line) {
            return line;
        }
        line.clear();
    }
    panic!("the line never comes");
}

/// The JSON objects that a running program prints. One that hangs fails the test.
pub(crate) struct Objects(Receiver<Value>);

impl Objects {
    pub(crate) fn of(program: &mut Program) -> Self {
        let (send, receive) = channel();
        let lines = lines(program.stdout()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // All is read, whether or not somebody still looks: a program ends when nobody reads what it says.
                let _ = send.send(serde_json::from_str(&line).expect(&line));
            }
        });
        Self(receive)
    }

    /// Whether one of those that are there already is such as this.
    pub(crate) fn has(&self, wanted: impl Fn(&Value) -> bool) -> bool {
        self.0.try_iter().any(|object| wanted(&object))
    }

    /// Waits for an object such as this, as long as `patience` lasts.
    pub(crate) fn wait_for(&self, what: &str, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let mut last = Value::Null;
        loop {
            let left = patience.saturating_sub(started.elapsed());
            match self.0.recv_timeout(left) {
                Ok(object) if wanted(&object) => return object,
                Ok(object) => last = object,
                Err(error) => panic!("{what}: {error}; the last was {last}"),
            }
        }
    }
}

/// A session on loopback, its end of stdin, and its control port.
pub(crate) fn host(name: &str, arguments: &[&str]) -> (Program, ChildStdin, Objects, String) {
    let fixed = ["host", "--name", name, "--port", "0", "--no-mdns", "--json"];
    let (mut program, stdin) = Program::start_with_open_stdin(&[&fixed, arguments].concat());
    let lines = Objects::of(&mut program);
    let open = lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    (program, stdin, lines, format!("127.0.0.1:{}", open["port"]))
}

/// Runs a shell script in a network of its own, with multicast: by IPv4 over loopback, by IPv6, which has none there,
/// over a pair of interfaces. `$1` is the program and `$2` the folder. False, with a message, where such networks are
/// not allowed.
pub(crate) fn in_a_network(script: &str, folder: &Path) -> bool {
    in_a_network_for(120, script, folder)
}

/// The same, for so many seconds at most. What the script leaves behind ends with it.
pub(crate) fn in_a_network_for(seconds: u32, script: &str, folder: &Path) -> bool {
    const NETWORK: &str = r#"
        set -eu
        ip link set lo up multicast on
        ip route add 224.0.0.0/4 dev lo
        ip link add here type veth peer name there
        echo 1 >/proc/sys/net/ipv6/conf/there/disable_ipv6
        echo 0 >/proc/sys/net/ipv6/conf/here/accept_dad
        ip link set there up
        ip link set here up
        cd "$2"
    "#;
    if !networks_are_allowed() {
        return false;
    }
    let script = format!("{NETWORK}{script}");
    let program = env!("CARGO_BIN_EXE_rtpmidi");
    let mut said = tempfile::tempfile().unwrap();
    let mut timeout = Command::new("unshare")
        .args([alone(), "timeout", &seconds.to_string(), "sh", "-c", &script, "test", program, argument(folder)])
        .stdout(said.try_clone().unwrap())
        .stderr(said.try_clone().unwrap())
        .spawn()
        .unwrap();
    let status = timeout.wait().unwrap();
    // It is the first of a group of processes, and whatever it starts is in that.
    let _nobody_is_left = kill_process_group(Pid::from_child(&timeout), Signal::KILL);
    said.rewind().unwrap();
    assert!(status.success(), "{status}: {}", gather(said));
    true
}

/// How `unshare` makes a network: in the machine of tests/vm, whose user is root, without a user of its own.
fn alone() -> &'static str {
    if std::env::var_os("RTPMIDI_VM").is_some() { "-n" } else { "-rn" }
}

/// Whether networks of one's own are allowed here; says so when not.
pub(crate) fn networks_are_allowed() -> bool {
    let link = Command::new("unshare").args([alone(), "ip", "link"]).output();
    let allowed = link.is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("skipped: no network namespaces here");
    }
    allowed
}

/// The objects of the file `name` that a program has printed with `--json`.
pub(crate) fn objects(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// A reader of lines for [`wait_for_line`].
pub(crate) fn lines(stdout: ChildStdout) -> BufReader<ChildStdout> {
    BufReader::new(stdout)
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A description of a stream to `port` of the loopback address.
pub(crate) fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Test\r\nt=0 0\r\nm=audio {port} RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\n\
         a=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_update=anchor\r\n"
    )
}

fn gather(mut stream: impl Read) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}
