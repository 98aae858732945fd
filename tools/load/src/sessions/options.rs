//! The command line of `rtpmidi-load sessions`.

use std::time::Duration;

use crate::options::seconds;

/// Run many AppleMIDI sessions in this process, both ends of each, and measure how long messages take
#[derive(Clone, Debug, clap::Args)]
pub struct SessionOptions {
    /// How many sessions
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    pub count: u32,

    /// Messages a second in each session, played by its two ends by turns; 0 for none
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000), value_name = "COUNT")]
    pub rate: u32,

    /// How long to measure, once all are open
    #[arg(long, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// Let all sessions be at one end, which hears what the others play
    #[arg(long)]
    pub together: bool,

    /// Let no core sleep so deeply that it takes longer to wake; 0 lets none sleep [default: cores sleep as they like]
    #[arg(long, value_name = "MICROSECONDS")]
    pub cpu_latency: Option<u32>,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    pub json: bool,
}
