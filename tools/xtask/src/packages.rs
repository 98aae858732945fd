//! The system packages: which ones, what for, and their installation with apt.

use std::io::{BufRead, BufReader, pipe};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::status_line::StatusLine;
use crate::step;

/// A Debian package and what it is needed for.
pub(crate) struct Package(&'static str, &'static str);

/// To compile the elements and the program.
pub(crate) const BUILD: &[Package] = &[
    Package("pkg-config", "tells the compiler where GStreamer is"),
    Package("libgstreamer1.0-dev", "GStreamer: the core, and the harness of the element tests"),
    Package("libgstreamer-plugins-base1.0-dev", "GStreamer: RTP and SDP"),
    Package("libgstrtspserver-1.0-dev", "gst-rtsp-server: the RTSP server"),
    Package("libasound2-dev", "ALSA: the ports of instruments and programs"),
    Package(
        "libjack-jackd2-dev",
        "JACK: the ports of programs and sound devices; the library itself is loaded if it is there",
    ),
];

/// To stream, hear and record.
pub(crate) const RUN: &[Package] = &[
    Package("gstreamer1.0-tools", "gst-launch-1.0 and gst-inspect-1.0"),
    Package("gstreamer1.0-plugins-base", "audio conversion"),
    Package("gstreamer1.0-plugins-good", "UDP, RTP sessions, jitter buffer, WAV files"),
    Package("gstreamer1.0-plugins-bad", "fluiddec: the FluidSynth synthesiser"),
    Package("gstreamer1.0-rtsp", "publishing on RTSP servers"),
    Package("glib-networking", "TLS of the RTSP server"),
    Package("timgm6mb-soundfont", "General MIDI instruments, 6 MB"),
];

/// To play aloud; wanted only where there is a sound device.
pub(crate) const SOUND: &[Package] = &[Package("gstreamer1.0-alsa", "sound output")];

/// To run the tests.
pub(crate) const TEST: &[Package] = &[
    Package("tshark", "dissects our packets: a second opinion on the format"),
    Package("gstreamer1.0-nice", "webrtcbin: another one"),
    Package("gstreamer1.0-plugins-base-apps", "gst-play-1.0 and gst-device-monitor-1.0, at the other ends of ours"),
    Package("openssl", "a certificate for the RTSP server"),
    Package("iproute2", "a network of its own for the multicast tests"),
    Package("nftables", "a firewall that drops, for the doctor to find"),
    Package("avahi-daemon", "sees the sessions that we announce, and announces some"),
    Package("avahi-utils", "asks it"),
    Package("linuxptp", "a PTP master"),
    Package("jackd2", "a JACK server"),
    Package("pipewire", "another one"),
    Package("pipewire-jack", "its library in JACK's place"),
    Package("systemd", "systemd-analyze, which judges the units"),
    Package("qmidinet", "raw multicast MIDI, at the other end of ours"),
    Package("openttd-openmsx", "31 songs by others as test data"),
];

/// To run the tests that need an ALSA sequencer: in a machine that has one, see tests/vm.
pub(crate) const VM: &[Package] = &[
    Package("qemu-system-x86", "the machine"),
    Package("busybox-static", "its first process"),
    Package("cpio", "puts that in the form in which a kernel takes it"),
    Package("xz-utils", "unpacks the kernel"),
    Package("kmod", "knows which modules of the kernel need which"),
    Package("alsa-utils", "aplaymidi, arecordmidi and aseqdump, at the other ends of our ports"),
];

/// To hold sessions with AppleMIDI peers by others.
pub(crate) const INTEROP: &[Package] = &[Package("mmdebstrap", "unpacks a newer Debian, which has PipeWire 1.4")];

/// To test the example for browsers; large, and only wanted when asked for.
pub(crate) const BROWSER: &[Package] = &[
    Package("janus", "sends RTP MIDI to browsers"),
    Package("chromium", "a browser, 100 MB"),
    Package("chromium-driver", "steers it"),
];

/// Installs what is missing. Says so before; asks nothing.
pub(crate) fn install(lists: &[&[Package]]) -> Result<()> {
    let missing = match missing(lists) {
        Ok(missing) if missing.is_empty() => return Ok(()),
        Ok(missing) => missing,
        Err(_no_dpkg) => {
            eprintln!("These Debian packages, or their like, are needed:");
            describe(lists.iter().copied().flatten(), |line| eprintln!("{line}"));
            bail!("no apt here: install them with this system's package manager, then add --no-install");
        }
    };
    println!("Installing system packages with apt-get:");
    describe(missing.iter().copied(), |line| println!("{line}"));
    // One unreachable archive of several is no reason to stop: the packages may still be found.
    if let Err(error) = step::timed("apt-get update", || apt(&["update"])) {
        eprintln!("warning: {error:#}");
    }
    let names = missing.iter().map(|package| package.0);
    let arguments: Vec<&str> = ["install", "-y", "--no-install-recommends"].into_iter().chain(names).collect();
    step::timed("apt-get install", || apt(&arguments))
}

fn describe<'a>(packages: impl Iterator<Item = &'a Package>, mut print: impl FnMut(String)) {
    for Package(name, reason) in packages {
        print(format!("  {name:<34} {reason}"));
    }
}

fn missing<'a>(lists: &[&'a [Package]]) -> Result<Vec<&'a Package>> {
    let wanted = || lists.iter().copied().flatten();
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(wanted().map(|package| package.0))
        .output()
        .context("cannot start dpkg-query")?;
    let known = String::from_utf8_lossy(&output.stdout);
    Ok(wanted().filter(|package| !is_installed(&known, package.0)).collect())
}

fn is_installed(known: &str, name: &str) -> bool {
    known.lines().any(|line| line.split_once(' ') == Some((name, "installed")))
}

/// Runs apt-get and shows its last line; all of them only if it fails.
fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = if is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    };
    let (output, both) = pipe()?;
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"])
        .args(["apt-get", "-o", "Dpkg::Use-Pty=0"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(both.try_clone()?)
        .stderr(both);
    let mut child = command
        .spawn()
        .context("cannot start sudo: become root, or install the packages yourself and add --no-install")?;
    // The command holds the pipe's other end, which must close for the last line to come.
    drop(command);
    let mut said = Vec::new();
    let mut status = StatusLine::new(Duration::from_secs(10));
    for line in BufReader::new(output).lines() {
        let line = line?;
        status.show(&format!("    {line}"));
        said.push(line);
    }
    drop(status);
    let status = child.wait()?;
    if !status.success() {
        eprintln!("{}", said.join("\n"));
        bail!("apt-get {} ended with {status}", arguments[0]);
    }
    Ok(())
}

/// Whether we may install without sudo: /proc/self belongs to whoever runs us.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_counts_as_missing() {
        let known = "tshark installed\npkg-config config-files\nlibtshark installed\n";
        let found = ["tshark", "pkg-config", "shark"].map(|name| is_installed(known, name));
        assert_eq!(found, [true, false, false]);
    }

    #[test]
    fn no_package_is_listed_twice() {
        let mut names: Vec<_> =
            [BUILD, RUN, SOUND, TEST, VM, INTEROP].into_iter().flatten().map(|package| package.0).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
