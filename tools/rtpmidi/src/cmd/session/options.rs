//! The options that `host` and `join` have in common.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::admit::Admit;
use crate::cpu_latency;

#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(super) struct Options {
    /// What this end calls itself [default: the name of this machine]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,

    /// The control port; the data port is the one above. 0 takes any two [default: 5004 for host, any for join]
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=65_534), value_name = "PORT")]
    pub(super) port: Option<u16>,

    /// Who may join: neighbours (hosts of the local networks, and those that announce sessions there), everyone, or an
    /// address or network such as 192.0.2.0/24; with ask, somebody at the terminal decides about each other host. Repeat
    /// it for several
    #[arg(long, default_value = "neighbours", value_name = "WHOM")]
    pub(super) admit: Vec<Admit>,

    /// How many may take part
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    pub(super) participants: u32,

    /// Send no recovery journal: for peers that cannot read packets that have one. What gets lost then stays lost
    #[arg(long)]
    pub(super) no_journal: bool,

    /// Leave out the status octet of a message where it is that of the message before it in the packet. It saves little,
    /// and some peers cannot read it
    #[arg(long)]
    pub(super) running_status: bool,

    /// Longest RTP packet, header included. System Exclusives that do not fit go out in segments, which some peers
    /// cannot join; with a journal they are of 1000 octets at most
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(200..=65_507), value_name = "OCTETS")]
    pub(super) mtu: u32,

    /// Neither announce the session nor look for others (multicast DNS)
    #[arg(long)]
    pub(super) no_mdns: bool,

    /// The network interface on which sessions are announced and looked for [default: all but loopback]
    #[arg(long, value_name = "NAME")]
    pub(super) interface: Option<String>,

    /// Let no core sleep so deeply that it takes longer to wake, while this runs; 0 lets none sleep. It takes power, and
    /// a right that rtpmidi doctor looks for [default: cores sleep as they like]
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=cpu_latency::MOST), value_name = "MICROSECONDS")]
    pub(super) cpu_latency: Option<u32>,

    /// Play a Standard MIDI File to everybody, once, from when somebody takes part; the session ends with it
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    pub(super) play: Option<PathBuf>,

    /// Play what comes on stdin to everybody, until its end: octets as they are, or lines of hexadecimal numbers.
    /// It is read as soon as somebody takes part
    #[arg(long, value_enum, value_name = "FORM")]
    pub(super) stdin: Option<Form>,

    /// Take part with ports of the ALSA sequencer: what comes to one is played to everybody, and what they play goes out
    /// of the other. Both are connected to PORT, if that is given: client:port by number or name, and more behind commas
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) alsa: Option<String>,

    /// Record what is played to a Standard MIDI File
    #[arg(long, value_name = "FILE")]
    pub(super) smf: Option<PathBuf>,

    /// Print each message to stdout
    #[arg(long)]
    pub(super) print: bool,

    /// Tell of each participant this often
    #[arg(long, default_value = "10", value_parser = crate::time::interval, value_name = "SECONDS")]
    pub(super) status: Duration,

    /// End with an error when nobody has taken part for so long
    #[arg(long, value_parser = crate::time::parse, value_name = "SECONDS")]
    pub(super) timeout: Option<Duration>,

    /// Print messages, changes and the summary as JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// How stdin is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Form {
    /// Octets of a MIDI stream
    Raw,
    /// Lines of hexadecimal octets, such as 90 3c 64
    Hex,
}
