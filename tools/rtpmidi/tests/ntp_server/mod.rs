//! A server of NTP (RFC 5905) on a port of its own, whose time may be another than this machine's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from 1900, where NTP begins to count, to 1970.
pub(crate) const UNIX_IN_NTP: u64 = 2_208_988_800;

/// The server, until it is dropped.
pub(crate) struct NtpServer {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NtpServer {
    /// Tells the time of this machine and `ahead`.
    pub(crate) fn start(ahead: Duration) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let ended = Arc::new(AtomicBool::new(false));
        let until = ended.clone();
        let thread = std::thread::spawn(move || {
            let mut question = [0; 48];
            while !until.load(Ordering::SeqCst) {
                if let Ok((48, from)) = socket.recv_from(&mut question) {
                    let _ = socket.send_to(&answer(&question, ahead), from);
                }
            }
        });
        Self { port, ended, thread: Some(thread) }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for NtpServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.thread.take().unwrap().join();
    }
}

/// Version 4, mode server, stratum 1; the client's time of sending comes back as that of origin.
fn answer(question: &[u8; 48], ahead: Duration) -> [u8; 48] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
    let seconds = (since.as_secs() + UNIX_IN_NTP) as u32;
    let fraction = ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000) as u32;
    let mut answer = [0; 48];
    answer[..4].copy_from_slice(&[0o44, 1, 4, 0xEC]);
    answer[24..32].copy_from_slice(&question[40..48]);
    for field in [16, 32, 40] {
        answer[field..field + 4].copy_from_slice(&seconds.to_be_bytes());
        answer[field + 4..field + 8].copy_from_slice(&fraction.to_be_bytes());
    }
    answer
}
