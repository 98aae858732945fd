//! Other programs: `gst-launch-1.0` with our plugin, and waiting for what they do, not for ever.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pipeline;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running program; it is killed if it is still there at the end of the test.
#[derive(Debug)]
pub struct Program(Option<Child>);

impl Program {
    /// Starts it with its output kept.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(Some(child.unwrap_or_else(|error| panic!("{command:?}: {error}"))))
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let id = self.0.as_ref().unwrap().id();
        assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
    }

    /// Waits for a good end.
    pub fn finish(mut self) {
        let mut child = self.0.take().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        assert!(status.success(), "{status}\n{}\n{}", text(&stdout), text(&stderr));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended just now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `gst-launch-1.0` with our plugin and these words.
pub fn gst_launch(words: &str) -> Command {
    let target = pipeline::target();
    // A folder with nothing else in it, since GStreamer looks at every file it finds there.
    let folder = target.join("plugin");
    fs::create_dir_all(&folder).unwrap();
    link(&plugin(), &folder.join("libgstrtpmidi.so"));
    let mut command = Command::new("gst-launch-1.0");
    command.env("GST_PLUGIN_PATH", folder).env("GST_REGISTRY", target.join("gstreamer-registry.bin"));
    command.args(words.split_whitespace());
    command
}

/// Makes `link` lead to `file`; others may look at it meanwhile.
fn link(file: &Path, link: &Path) {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _turn = ONE_BY_ONE.lock().unwrap();
    if fs::read_link(link).is_ok_and(|old| old == file) {
        return;
    }
    let new = link.with_extension(format!("{}.new", std::process::id()));
    symlink(file, &new).unwrap();
    fs::rename(&new, link).unwrap();
}

/// The plugin, which cargo puts beside the tests that depend on it.
fn plugin() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libgstrtpmidi.so")
}

/// A UDP port of this machine that nobody uses.
pub fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until a program listens on UDP `port`.
pub fn wait_for_listener(port: u16) {
    let local = format!(":{port:04X} ");
    wait_until(&format!("somebody listens on port {port}"), || {
        fs::read_to_string("/proc/net/udp").unwrap().contains(&local)
    });
}

/// Waits until something is so.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
