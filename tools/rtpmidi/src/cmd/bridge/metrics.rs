//! Metrics for Prometheus, where they are wished for: a listener of their own, which answers one request a client.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bridge_control::http::{self, Asked, Refusal};
use bridge_control::metrics;

use super::crowd;
use super::inbox::Inbox;
use super::request::{Reply, Request};
use crate::failure::{Failure, Result};

/// Clients at a time. Whoever comes then is hung up on.
const CLIENTS: usize = 8;

/// How long a client may take to ask, the bridge to answer, and the client to take it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers at this address from now on; returns it with the port that it has.
pub(super) fn open(address: SocketAddr, inbox: Inbox) -> Result<SocketAddr> {
    let failed = |error: io::Error| Failure::new(format!("no metrics at {address}: {error}"));
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let run = move || {
        crowd::serve("metrics client", CLIENTS, listener.incoming(), move |stream| {
            // One that goes away has no more questions.
            let _ = serve(stream, &inbox);
        });
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(run).map_err(failed)?;
    Ok(address)
}

/// `9104`, of this machine alone, or `192.0.2.7:9104`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let of_loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let address = text.parse().ok().or_else(|| text.parse().ok().map(of_loopback));
    address.ok_or_else(|| "it is a port of this machine alone, such as 9104, or an address with a port".to_owned())
}

fn serve(stream: &TcpStream, inbox: &Inbox) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let asked = ask(stream)?;
    let answer = match asked {
        Asked::Other(refusal) => http::refuse(refusal),
        Asked::Metrics | Asked::Head => {
            let (reply, replies) = channel();
            let is_asked = inbox.ask(Request::Status, reply);
            match if is_asked { replies.recv_timeout(PATIENCE).ok() } else { None } {
                Some(Reply::Status(status)) => http::answer(&metrics::print(&status), asked),
                _ => http::refuse(Refusal::Busy),
            }
        }
    };
    let mut writer = stream;
    writer.write_all(answer.as_bytes())
}

/// Reads a request, which has to be there in time.
fn ask(mut stream: &TcpStream) -> io::Result<Asked> {
    let (began, mut octets) = (Instant::now(), Vec::new());
    loop {
        if let Some(asked) = http::read(&octets) {
            return Ok(asked);
        }
        let left = PATIENCE.checked_sub(began.elapsed()).filter(|left| !left.is_zero());
        stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        let mut some = [0; 1024];
        let length = stream.read(&mut some)?.min(http::LONGEST - octets.len());
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        octets.extend_from_slice(&some[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine_alone() {
        assert_eq!(address("9104"), Ok(([127, 0, 0, 1], 9104).into()));
        assert_eq!(address("0.0.0.0:9104"), Ok(([0, 0, 0, 0], 9104).into()));
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        assert!(address("localhost:9104").is_err() && address("70000").is_err());
    }
}
