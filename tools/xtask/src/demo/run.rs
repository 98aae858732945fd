//! The order of things in the demonstration.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::{Progress, Summary};
use super::{proof, report};
use crate::process::{Player, Process, Said};
use crate::status_line::StatusLine;
use crate::{artifact, packages, score, step};

/// Hear it: music over UDP with a fifth of the packets dropped, half a minute
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Packets to drop, in percent, and how many in a row
    #[arg(long, default_value = "20:3", value_name = "PCT[:BURST]")]
    loss: String,
    /// Take the system packages as they are
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let aloud = has_sound_device();
    if !options.no_install {
        let sound = if aloud { packages::SOUND } else { &[] };
        packages::install(&[packages::BUILD, packages::RUN, sound])?;
    }
    let built = artifact::build()?;
    // GStreamer lists its plugins on its first start, which takes seconds on a new machine.
    step::run("gst-inspect-1.0 --exists fluiddec", Command::new("gst-inspect-1.0").args(["--exists", "fluiddec"]))
        .context("GStreamer's FluidSynth element is missing")?;

    let folder = step::root().join("target/demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(folder.join("score.mid"), score::midi_file()?).context("cannot write score.mid")?;
    let mut stage = Stage { program: &built.program, folder: &folder, loss: &options.loss, aloud };
    let summary = stage.perform()?;

    let music = proof::read_wav(&folder.join("demo.wav"))?;
    let recording = proof::read_midi(&folder.join("demo.mid"))?;
    report::summary(&summary, &music, &recording);
    music.check(&summary)?;
    recording.check(&proof::read_midi(&folder.join("score.mid"))?)?;
    println!("\nChecked: it is music and not silence, and every note that began has ended.");
    report::next(&built.program);
    Ok(())
}

/// What both processes need to know.
struct Stage<'a> {
    program: &'a Path,
    folder: &'a Path,
    loss: &'a str,
    aloud: bool,
}

impl Stage<'_> {
    /// Runs broadcaster and listener to their ends.
    fn perform(&mut self) -> Result<Summary> {
        for old in ["score.sdp", "demo.wav", "demo.mid"] {
            let _absent = fs::remove_file(self.folder.join(old));
        }
        let (said, heard) = mpsc::channel();
        let mut sender = self.broadcaster(free_port()?, said.clone())?;
        self.wait_for_description(&mut sender)?;
        let mut receiver = self.listener(said)?;
        report::started(self.loss, &[&sender, &receiver]);

        let mut summary = Summary::default();
        let mut progress = Progress::default();
        let mut status = StatusLine::new(Duration::from_millis(900));
        // Both ends hold one end of the channel open until they have said their last word.
        loop {
            match heard.recv_timeout(SILENCE) {
                Ok(Said { player, object }) => match object["type"].as_str() {
                    Some("progress") => {
                        progress.take(player, object);
                        if player == Player::Listener {
                            status.show(&progress.line());
                        }
                    }
                    Some("summary") => summary.take(player, object),
                    _ => {}
                },
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("nothing heard for {} s", SILENCE.as_secs())
                }
            }
            sender.has_not_failed()?;
            receiver.has_not_failed()?;
        }
        drop(status);
        sender.succeeded()?;
        receiver.succeeded()?;
        Ok(summary)
    }

    fn broadcaster(&self, port: u16, said: mpsc::Sender<Said>) -> Result<Process> {
        let mut command = Command::new(self.program);
        command.arg("broadcast").arg(self.file("score.mid"));
        command.args(["--to", &format!("udp://127.0.0.1:{port}"), "--sdp"]).arg(self.file("score.sdp"));
        Process::start(Player::Broadcaster, &mut command, said)
    }

    fn listener(&self, said: mpsc::Sender<Said>) -> Result<Process> {
        let mut command = Command::new(self.program);
        command.arg("listen").arg(self.file("score.sdp"));
        command.arg("--wav").arg(self.file("demo.wav")).arg("--smf").arg(self.file("demo.mid"));
        command.args(["--loss", self.loss]);
        if self.aloud {
            command.arg("--play");
        }
        Process::start(Player::Listener, &mut command, said)
    }

    /// The description is whole once it ends with a line break.
    fn wait_for_description(&self, sender: &mut Process) -> Result<()> {
        let file = self.folder.join("score.sdp");
        let start = Instant::now();
        while !fs::read(&file).is_ok_and(|text| text.ends_with(b"\n")) {
            sender.has_not_failed()?;
            if start.elapsed() > SILENCE {
                bail!("the broadcaster wrote no session description within {} s", SILENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// A file of the demonstration, as short as the command line allows.
    fn file(&self, name: &str) -> std::path::PathBuf {
        let path = self.folder.join(name);
        path.strip_prefix(step::root()).map(Path::to_path_buf).unwrap_or(path)
    }
}

/// An even port whose odd neighbour, RTCP's, is free too.
fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let rtp = UdpSocket::bind("127.0.0.1:0")?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0 && port < u16::MAX && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two neighbouring UDP ports are free on 127.0.0.1")
}

/// A playback device of ALSA's, or a sound server of this user.
fn has_sound_device() -> bool {
    let devices = fs::read_dir("/dev/snd").into_iter().flatten().flatten();
    let playback = |name: &str| name.starts_with("pcm") && name.ends_with('p');
    let alsa = devices.into_iter().any(|entry| playback(&entry.file_name().to_string_lossy()));
    let server =
        std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("pulse/native").exists());
    alsa || server
}

/// Both processes report once a second; ten times as long means that one hangs.
const SILENCE: Duration = Duration::from_secs(10);
