//! What the same way costs without us: datagrams between two sockets, and a thread that waits for them.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;

/// How many datagrams are sent.
const COUNT: u32 = 100;

/// How far apart they are, as those of one session: threads and caches are as cold as there.
const APART: Duration = Duration::from_millis(20);

/// How long a datagram may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Microseconds from before a datagram is sent until a thread has it.
pub(super) fn measure() -> Result<Histogram<u64>> {
    let mut taken = super::histogram()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let (to, epoch) = (socket.local_addr()?, Instant::now());
    let receive = move || -> Result<Histogram<u64>> {
        let mut octets = [0; 8];
        for _ in 0..COUNT {
            let length = socket.recv(&mut octets).context("plain UDP")?;
            ensure!(length == octets.len(), "a datagram of somebody else");
            let passed = epoch.elapsed().saturating_sub(Duration::from_nanos(u64::from_be_bytes(octets)));
            taken.saturating_record(passed.as_micros() as u64);
        }
        Ok(taken)
    };
    let thread = std::thread::spawn(receive);
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    for _ in 0..COUNT {
        std::thread::sleep(APART);
        sender.send_to(&(epoch.elapsed().as_nanos() as u64).to_be_bytes(), to)?;
    }
    thread.join().ok().context("the thread for plain UDP has panicked")?
}
