//! The TCP connection of a client, as the kernel counts what goes through it. gst-rtsp-server tells of a request when it
//! is complete, and of packets that wait not at all.

use std::mem;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use gst::glib::ffi::GTRUE;
use gst::glib::translate::from_glib_none;
use gst::prelude::*;
use gst_rtsp_server::gio::{InetSocketAddress, Socket, prelude::*};
use gst_rtsp_server::{RTSPClient, ffi, gst_rtsp};
use nix::libc;
use socket2::SockRef;

/// The connection.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// A copy: that of gst-rtsp-server may be closed, and belong to somebody else, at any time.
    descriptor: Arc<OwnedFd>,
    pub(super) peer: SocketAddr,
}

/// What has gone through it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Traffic {
    /// Octets from the client that the server has read, since the connection was made.
    pub(super) received: u64,
    /// Octets to the client that have not been sent.
    pub(super) waiting: u32,
}

/// Octets that the kernel holds for a connection: more than the packets of some seconds.
const SEND_BUFFER: usize = 256 << 10;

/// Octets of requests that nobody has read yet.
const RECEIVE_BUFFER: usize = 32 << 10;

/// How long a client may be silent to the kernel: then it is gone.
const GONE: Duration = Duration::from_secs(30);

impl Line {
    /// The connection of a client that has just come.
    pub(super) fn of(client: &RTSPClient) -> Option<Self> {
        // SAFETY: the client is alive, and its connection at least as long as this call, during which the server still
        // sets the client up. Null is looked for in both; the reference to the socket is our own.
        let socket: Socket = unsafe {
            let connection = ffi::gst_rtsp_client_get_connection(client.as_ptr());
            if connection.is_null() {
                return None;
            }
            let socket = gst_rtsp::ffi::gst_rtsp_connection_get_read_socket(connection);
            if socket.is_null() {
                return None;
            }
            // No RTSP inside HTTP: its requests come through another connection than its packets go.
            gst_rtsp::ffi::gst_rtsp_connection_set_http_mode(connection, GTRUE);
            from_glib_none(socket)
        };
        let peer = socket.remote_address().ok()?.downcast::<InetSocketAddress>().ok()?;
        let address: IpAddr = peer.address().to_str().parse().ok()?;
        let line = Self {
            descriptor: Arc::new(socket.as_fd().try_clone_to_owned().ok()?),
            peer: SocketAddr::new(address.to_canonical(), peer.port()),
        };
        let socket = SockRef::from(&*line.descriptor);
        // These are wishes: without them the limits are those of the kernel.
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let _ = socket.set_keepalive(true);
        let _ = socket.set_tcp_user_timeout(Some(GONE));
        Some(line)
    }

    /// Ends the connection: the thread that serves it finds nothing more to read. Were gst-rtsp-server told to close it
    /// while that thread is reading, the thread would go on for ever, with a warning for each turn.
    pub(super) fn end(&self) {
        let socket = SockRef::from(&*self.descriptor);
        // The kernel forgets what has not been sent, and tells a client that goes on sending. The connection has ended if
        // these fail.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Both);
    }

    /// What has gone through it so far.
    pub(super) fn traffic(&self) -> Option<Traffic> {
        let mut octets = [0_u8; 256];
        let mut length = mem::size_of_val(&octets) as libc::socklen_t;
        // SAFETY: the kernel writes `length` octets at most, which are there.
        let failed = unsafe {
            let place = octets.as_mut_ptr().cast();
            libc::getsockopt(self.descriptor.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, place, &raw mut length)
        };
        let octets = octets.get(..length as usize).filter(|_| failed == 0)?;
        let mut unread: libc::c_int = 0;
        // SAFETY: the kernel writes a number to where there is one. Should it not, nothing is unread.
        unsafe { libc::ioctl(self.descriptor.as_raw_fd(), libc::FIONREAD, &raw mut unread) };
        let received = u64::from_ne_bytes(*octets.get(RECEIVED..)?.first_chunk()?);
        Some(Traffic {
            received: received.saturating_sub(u64::try_from(unread).unwrap_or_default()),
            waiting: u32::from_ne_bytes(*octets.get(WAITING..)?.first_chunk()?),
        })
    }
}

/// Where `struct tcp_info` of Linux has `tcpi_bytes_received`.
const RECEIVED: usize = 128;

/// Where it has `tcpi_notsent_bytes`.
const WAITING: usize = 144;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_kernel_knows_what_came_and_what_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        let line = Line { descriptor: Arc::new(server.try_clone().unwrap().into()), peer };
        client.write_all(&[0; 1000]).unwrap();
        server.read_exact(&mut [0; 600]).unwrap();
        assert_eq!(line.traffic(), Some(Traffic { received: 600, waiting: 0 }), "the rest has not been read");
        server.read_exact(&mut [0; 400]).unwrap();
        assert_eq!(line.traffic(), Some(Traffic { received: 1000, waiting: 0 }));
        server.set_nonblocking(true).unwrap();
        while server.write(&[0; 4096]).is_ok() {}
        assert!(line.traffic().unwrap().waiting > 0, "the client does not read");
        line.end();
        assert!(server.write(&[0]).is_err());
    }
}
