//! A JACK server of its own, or PipeWire's, and clients with ports by any name, told what to do line by line.
//!
//! The library goes to the server that the environment of the process names, so the clients are a process of their own:
//! this test program once more, in which only [`clients`] runs.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{c_int, c_void};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::ptr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use jack::jack_sys as sys;
use jack::{AsyncClient, AudioIn, AudioOut, Client, ClientOptions, MidiIn, MidiOut, PortFlags, PortSpec, Property};

use crate::kit::{Folder, PATIENCE};

/// How long clients may take to leave.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(5);

/// How often it is looked at whether a port is connected.
const LOOK: std::time::Duration = std::time::Duration::from_micros(50);

/// How long a port of a busy client is there.
const BUSY: std::time::Duration = std::time::Duration::from_millis(8);

/// A server; it ends with this value.
pub(crate) struct Server {
    child: Option<Child>,
    command: Vec<String>,
    environment: Vec<(String, String)>,
    /// The shared memory by which JACK's programs find each other: that of this server alone.
    memory: Option<Memory>,
}

impl Server {
    /// JACK without a sound card, which no other server disturbs; none if it is not installed.
    pub(crate) fn jackd() -> Option<Self> {
        Self::jackd_for("128", "1024")
    }

    /// The same for so many ports, with so many frames a period.
    pub(crate) fn jackd_for(ports: &str, period: &str) -> Option<Self> {
        let command =
            ["jackd", "--no-realtime", "--port-max", ports, "-d", "dummy", "-r", "48000", "-p", period, "-P", "4"];
        let memory = Memory::new()?;
        Self::of(&command, &[("JACK_NO_AUDIO_RESERVATION", "1")], Some(memory))
    }

    /// PipeWire without a sound card and a session manager, in a folder; none if it is not installed.
    pub(crate) fn pipewire(folder: &Folder) -> Option<Self> {
        let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"]
            .map(|folder| format!("{folder}/pipewire-0.3/jack"))
            .into_iter()
            .find(|folder| Path::new(folder).exists());
        let Some(library) = library else {
            eprintln!("skipped: no pipewire-jack");
            return None;
        };
        let runtime = folder.path("");
        let environment =
            [("XDG_RUNTIME_DIR", runtime.to_str().expect("a path in UTF-8")), ("LD_LIBRARY_PATH", library.as_str())];
        Self::of(&["pipewire"], &environment, None)
    }

    fn of(command: &[&str], environment: &[(&str, &str)], memory: Option<Memory>) -> Option<Self> {
        if Command::new(command[0]).arg("--version").output().is_err() {
            eprintln!("skipped: no {}", command[0]);
            return None;
        }
        let owned = |text: &str| text.to_owned();
        let environment = environment.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        let command = command.iter().map(|word| owned(word)).collect();
        let mut server = Self { child: None, command, environment, memory };
        server.start();
        Some(server)
    }

    /// Starts it, as whoever restarts it does.
    pub(crate) fn start(&mut self) {
        let mut command = self.command(&self.command[0]);
        command.args(&self.command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// A program that goes to this server.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = match &self.memory {
            Some(memory) => memory.command(program),
            None => Command::new(program),
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).env_remove("DISPLAY");
        command
    }

    /// Clients at this server, as soon as it lets them in.
    pub(crate) fn studio(&self) -> Studio {
        Studio::open(self.command(std::env::current_exe().unwrap().to_str().expect("a path in UTF-8")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A `/dev/shm` of its own, in a namespace that lasts as long as this value.
struct Memory(Child);

impl Memory {
    fn new() -> Option<Self> {
        const HOLD: &str = "mount -t tmpfs tmpfs /dev/shm && echo ready && exec cat";
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", HOLD]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut memory = Self(command.spawn().unwrap());
        let mut ready = String::new();
        BufReader::new(memory.0.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        if ready.is_empty() {
            eprintln!("skipped: no namespaces here");
            return None;
        }
        Some(memory)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.0.id().to_string();
        command.args(["--user", "--mount", "--preserve-credentials", "--target", &target, "--", program]);
        command
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The clients; they end with this value.
pub(crate) struct Studio {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Studio {
    fn open(mut command: Command) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", "clients_of_a_studio", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (stdin, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let (send, answers) = channel();
        std::thread::spawn(move || {
            // The harness has lines of its own.
            let own = |line: String| line.split_once("studio: ").map(|(_, text)| text.to_owned());
            for answer in lines.map_while(Result::ok).filter_map(own) {
                if send.send(answer).is_err() {
                    break;
                }
            }
        });
        let mut studio = Self { child, stdin: Some(stdin), answers };
        studio.tell(&["open"]);
        studio
    }

    /// Makes ports of a client: `>name` for sources, `<name` for sinks; with a tilde behind, of sound.
    pub(crate) fn ports(&mut self, client: &str, ports: &[&str]) {
        for port in ports {
            self.tell(&["port", client, port]);
        }
    }

    /// Does what `words` say, and returns what comes of it.
    #[track_caller]
    pub(crate) fn tell(&mut self, words: &[&str]) -> Vec<String> {
        let stdin = self.stdin.as_mut().expect("it is closed at the end");
        writeln!(stdin, "{}", words.join("\t")).unwrap();
        let mut all = Vec::new();
        loop {
            match self.answers.recv_timeout(PATIENCE) {
                Ok(answer) if answer == "done" => return all,
                Ok(answer) if answer == "failed" => panic!("{words:?} cannot be done"),
                Ok(answer) => all.push(answer),
                Err(error) => panic!("{words:?}: {error}"),
            }
        }
    }

    /// What is connected: `from > to`.
    pub(crate) fn connections(&mut self) -> BTreeSet<String> {
        self.tell(&["connections"]).into_iter().collect()
    }

    /// Waits until these are connected, and nothing else.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expected: &[impl AsRef<str>]) {
        let expected: BTreeSet<_> = expected.iter().map(|pair| pair.as_ref().to_owned()).collect();
        let started = Instant::now();
        loop {
            let connections = self.connections();
            if connections == expected {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "connected: {connections:#?}\nexpected: {expected:#?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    pub(crate) fn connect(&mut self, from: &str, to: &str) {
        self.tell(&["connect", from, to]);
    }

    pub(crate) fn disconnect(&mut self, from: &str, to: &str) {
        self.tell(&["disconnect", from, to]);
    }

    /// Ends the clients as a crash does.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
    }

    /// Disconnects all.
    pub(crate) fn clear(&mut self) {
        for pair in self.connections() {
            let (from, to) = pair.split_once(" > ").unwrap();
            self.disconnect(from, to);
        }
        self.wait_for(&[""; 0]);
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        // A server waits long for clients that end without a word; and they for a server that did.
        self.stdin = None;
        let asked = Instant::now();
        while asked.elapsed() < GOODBYE && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The clients, in their own process: does what is said on stdin until its end.
pub(crate) fn clients() {
    let mut clients: BTreeMap<String, AsyncClient<(), ()>> = BTreeMap::new();
    let mut own = None;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split('\t').collect();
        if words == ["open"] {
            own = Some(open("studio"));
        } else if let Some(own) = &own {
            let result = obey(own, &mut clients, &words);
            if result.is_none() {
                println!("studio: failed");
            }
        }
        println!("studio: done");
    }
    drop(clients);
    drop(own);
    std::process::exit(0);
}

fn open(name: &str) -> Client {
    let started = Instant::now();
    loop {
        match Client::new(name, ClientOptions::NO_START_SERVER) {
            Ok((client, _)) => return client,
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn obey(own: &Client, clients: &mut BTreeMap<String, AsyncClient<(), ()>>, words: &[&str]) -> Option<()> {
    let find = |name: &str| own.port_by_name(name);
    // Names are given by the owner.
    let find_own = |name: &str| clients.get(name.split_once(':')?.0)?.as_client().port_by_name(name);
    match *words {
        ["port", client, port] => {
            let client = clients
                .entry(client.to_owned())
                .or_insert_with(|| open(client).activate_async((), ()).unwrap())
                .as_client();
            match (port.strip_prefix('>'), port.strip_prefix('<'), port.strip_suffix('~').map(|port| &port[1..])) {
                (Some(_), _, Some(name)) => register(client, name, AudioOut::default()),
                (Some(name), _, None) => register(client, name, MidiOut::default()),
                (_, Some(_), Some(name)) => register(client, name, AudioIn::default()),
                (_, Some(name), None) => register(client, name, MidiIn::default()),
                _ => return None,
            }
        }
        ["alias", port, alias] => find_own(port)?.set_alias(alias).ok()?,
        ["rename", port, name] => find_own(port)?.set_name(name).ok()?,
        ["pretty", port, name] => {
            let port = find(port)?;
            // SAFETY: the client is open, and the port one that it knows.
            let uuid = unsafe { sys::jack_port_uuid(port.raw()) };
            own.property_set(uuid, "http://jackaudio.org/metadata/pretty-name", &Property::new(name, None)).ok()?;
        }
        // Microseconds until a new source is connected: by somebody, or from here, at once, to a sink.
        ["time", client, port, ref sink @ ..] => {
            let client =
                clients.entry(client.to_owned()).or_insert_with(|| open(client).activate_async((), ()).unwrap());
            let port = client.as_client().register_port(port, MidiOut::default()).unwrap();
            let started = Instant::now();
            if let [sink] = sink {
                own.connect_ports_by_name(&port.name().ok()?, sink).ok()?;
            }
            while port.connected_count().ok()? == 0 {
                assert!(started.elapsed() < PATIENCE, "it is never connected");
                // Whoever connects it needs the processor.
                std::thread::sleep(LOOK);
            }
            println!("studio: {}", started.elapsed().as_micros());
            let port = port.clone_unowned();
            client.as_client().unregister_port(port).ok()?;
        }
        // A client whose sources come and go for ever, each as soon as somebody may have connected the one before.
        ["busy"] => {
            let client = open("busy").activate_async((), ()).unwrap();
            std::thread::spawn(move || {
                for number in 0_u64.. {
                    let Ok(port) = client.as_client().register_port(&number.to_string(), MidiOut::default()) else {
                        break;
                    };
                    std::thread::sleep(BUSY);
                    if client.as_client().unregister_port(port).is_err() {
                        break;
                    }
                }
                std::mem::forget(client);
            });
        }
        ["bystander", client, sink] => stand_by(client.to_owned(), sink.to_owned())?,
        ["bystander"] => {
            NOTICES.lock().unwrap().drain(..).for_each(|time| println!("studio: {time}"));
        }
        ["connect", from, to] => own.connect_ports_by_name(from, to).ok()?,
        ["disconnect", from, to] => own.disconnect_ports_by_name(from, to).ok()?,
        ["close", client] => drop(clients.remove(client)?.deactivate()),
        ["unregister", port] => {
            let (client, _) = port.split_once(':')?;
            let client = clients.get(client)?.as_client();
            client.unregister_port(client.port_by_name(port)?).ok()?;
        }
        ["connections"] => {
            for name in own.ports(None, None, PortFlags::IS_OUTPUT) {
                // Those of one's own clients alone are what `get_connections` gives.
                for other in own.ports(None, None, PortFlags::IS_INPUT) {
                    // What is gone since is connected to nothing.
                    if find(&name).is_some_and(|port| port.is_connected_to(&other).unwrap_or_default()) {
                        println!("studio: {name} > {other}");
                    }
                }
            }
        }
        _ => return None,
    }
    Some(())
}

/// Microseconds from each notice of a source to the request that it be connected.
static NOTICES: Mutex<Vec<u128>> = Mutex::new(Vec::new());

/// Opens a client that connects the new sources of another one to a sink, in a thread of its own since the one that tells
/// may ask nothing, and has no part in the processing: nobody can do less.
fn stand_by(client: String, sink: String) -> Option<()> {
    unsafe extern "C" fn tell(port: sys::jack_port_id_t, is_there: c_int, context: *mut c_void) {
        if is_there != 0 {
            // SAFETY: it is the sender below, which nobody frees.
            let _ = unsafe { &*context.cast::<Sender<_>>() }.send((port, Instant::now()));
        }
    }
    let (sender, notices) = channel::<(u32, Instant)>();
    let sender = Box::leak(Box::new(sender));
    let own = open("bystander");
    // SAFETY: the client is open and not active, and the function and its context stay for ever.
    let is_told = unsafe {
        let context = ptr::from_ref(sender).cast_mut().cast();
        sys::jack_set_port_registration_callback(own.raw(), Some(tell), context) == 0
            && sys::jack_activate(own.raw()) == 0
    };
    std::thread::spawn(move || {
        for (port, at) in notices {
            let Some(name) = own.port_by_id(port).and_then(|port| port.name().ok()) else { continue };
            if name.split_once(':').is_some_and(|(of, _)| of == client) {
                NOTICES.lock().unwrap().push(at.elapsed().as_micros());
                let _ = own.connect_ports_by_name(&name, &sink);
            }
        }
    });
    is_told.then_some(())
}

fn register<PS: PortSpec>(client: &Client, name: &str, spec: PS) {
    client.register_port(name, spec).unwrap();
}
