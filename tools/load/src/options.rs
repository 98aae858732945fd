//! The command line.

use std::time::Duration;

use rtsp_types::Url;

/// Play many listeners to an RTSP server of RTP MIDI, and measure what reaches them
#[derive(Clone, Debug, clap::Parser)]
pub struct Options {
    /// Where the stream is: rtsp://HOST:PORT/PATH
    #[arg(value_name = "URL", value_parser = url)]
    pub url: Url,

    /// How many listeners; there are UDP ports for 11,000
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=11_000), value_name = "COUNT")]
    pub listeners: u32,

    /// Take the packets inside the RTSP connection, not by UDP
    #[arg(long)]
    pub interleaved: bool,

    /// How long to measure, once all have come
    #[arg(long, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// How many listeners come in a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    pub rate: u32,

    /// Listeners that decode what they hear, and are compared with each other
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    pub sample: u32,

    /// The process of the server, to measure what it takes
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,

    /// Print progress and summary as JSON, one object per line
    #[arg(long)]
    pub json: bool,
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host_str()) {
        ("rtsp", Some(_)) => Ok(url),
        _ => Err("it is rtsp://HOST:PORT/PATH".to_owned()),
    }
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("it is a number of seconds from 0.1 to 86400".to_owned()),
    }
}
