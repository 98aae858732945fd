//! The command line of `rtpmidi-load bridge`.

use std::path::PathBuf;
use std::time::Duration;

use crate::options::seconds;

/// Let many peers join a bridge that runs on this machine, connect them with each other there, and measure how long
/// messages take
#[derive(Clone, Debug, clap::Args)]
pub struct BridgeOptions {
    /// The Unix socket at which the bridge is asked (rtpmidi bridge --control)
    #[arg(value_name = "SOCKET")]
    pub socket: PathBuf,

    /// How many peers, each of which plays to another one and hears it
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(4..=1000), value_name = "COUNT")]
    pub peers: u32,

    /// Messages a second of all of them together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub rate: u32,

    /// How long to measure, once all are connected
    #[arg(long, default_value = "15", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// How long peers go and come, and are connected and disconnected, after that
    #[arg(long, default_value = "0", value_parser = churn, value_name = "SECONDS")]
    pub churn: Duration,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    pub json: bool,
}

fn churn(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { seconds(text) }
}
