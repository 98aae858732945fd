//! Why a server does not give its stream, in words that say what to do about it: `rtspsrc` knows, but says little.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::args::Server;
use crate::failure::Failure;

/// Why a connection failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::intake) struct Refusal {
    pub(in crate::intake) failure: Failure,
    /// Whether another attempt would fail as well.
    pub(in crate::intake) is_lasting: bool,
}

/// How long the reason of a failure is looked for.
const PATIENCE: Duration = Duration::from_secs(1);

impl Refusal {
    pub(super) const fn lasting(failure: Failure) -> Self {
        Self { failure, is_lasting: true }
    }

    const fn passing(failure: Failure) -> Self {
        Self { failure, is_lasting: false }
    }

    /// What an error of `rtspsrc` means. `certificate` is what is wrong with that of the server.
    pub(super) fn of(
        error: &gst::message::Error,
        server: &Server,
        certificate: Option<gio::TlsCertificateFlags>,
    ) -> Self {
        if let Some(flaws) = certificate {
            let words = format!("{}: the certificate of the server {}", server.url, flaw(flaws));
            return Self::lasting(Failure::new(words).hint("--tls-ca FILE trusts those that FILE has signed"));
        }
        if error.error().matches(gst::ResourceError::OpenReadWrite) {
            return Self::passing(Failure::new(format!("{}: {}", server.url, unreachable(server))));
        }
        // The last line is the reason, with the answer of the server if there was one.
        let debug = error.debug().unwrap_or_default();
        Self::explain(debug.lines().last().unwrap_or_default(), server)
    }

    fn explain(reason: &str, server: &Server) -> Self {
        let url = &server.url;
        let failure = |words: &str| Failure::new(format!("{url}: {words}"));
        let status: Option<u16> = reason.rsplit_once('(').and_then(|(_, end)| end.trim_end_matches(')').parse().ok());
        match status {
            Some(401) if server.has_login() => {
                Self::lasting(failure("the server does not take this name and password"))
            }
            Some(401) => Self::lasting(failure("the server wants a name and a password").hint(
                "put NAME:PASSWORD into a file, and name it with --rtsp-login; or rtsp://NAME:PASSWORD@HOST/PATH",
            )),
            Some(404) => {
                Self::lasting(failure("the server has no such stream").hint(
                    "that of rtpmidi broadcast has /live and /files/NAME.mid, and prints its URLs when it starts",
                ))
            }
            // Others may have left when it is asked again, or it may have come up.
            Some(453 | 500..) => Self::passing(failure(&format!("the server answers: {reason}"))),
            Some(_) => Self::lasting(failure(&format!("the server answers: {reason}"))),
            None if reason.contains("Parse error") => Self::lasting(failure("what answers there is no RTSP server")),
            None if reason.contains("Timeout") => Self::passing(failure("the server does not answer")),
            None if reason.contains("transport protocols") || reason.contains("Could not receive any UDP packets") => {
                Self::lasting(failure("no packets can come the way --rtsp-transport says"))
            }
            None => Self::passing(failure(reason.trim_end_matches('.'))),
        }
    }
}

/// What is wrong with a certificate, the worst first.
fn flaw(flaws: gio::TlsCertificateFlags) -> &'static str {
    use gio::TlsCertificateFlags as Flaw;
    if flaws.contains(Flaw::BAD_IDENTITY) {
        "is for another host"
    } else if flaws.contains(Flaw::EXPIRED) {
        "has expired"
    } else if flaws.contains(Flaw::NOT_ACTIVATED) {
        "is not valid yet"
    } else if flaws.contains(Flaw::REVOKED) {
        "has been revoked"
    } else if flaws.contains(Flaw::UNKNOWN_CA) {
        "is signed by nobody who is trusted"
    } else {
        "is not to be trusted"
    }
}

/// Why no connection comes about, found by another attempt.
fn unreachable(server: &Server) -> String {
    let (host, port) = (server.url.host().to_owned(), server.url.port());
    let (tell, told) = channel();
    // Names may take long to be looked up.
    std::thread::spawn(move || {
        let words = match (host.as_str(), port).to_socket_addrs() {
            Ok(mut addresses) => match addresses.next().map(|address| TcpStream::connect_timeout(&address, PATIENCE)) {
                Some(Ok(_)) => "the server ends the connection before it says anything".to_owned(),
                Some(Err(error)) => format!("cannot connect to TCP port {port} of {host}: {error}"),
                None => format!("host {host} has no address"),
            },
            Err(_) => format!("host {host} is not known"),
        };
        // Nobody may be waiting any more.
        let _ = tell.send(words);
    });
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| "cannot connect".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(reason: &str, url: &str) -> (String, bool) {
        let refusal = Refusal::explain(reason, &Server::at(url));
        (refusal.failure.message().to_owned(), refusal.is_lasting)
    }

    #[test]
    fn each_answer_says_what_it_means_and_whether_to_ask_again() {
        for (reason, words, is_lasting) in [
            ("Not Found (404)", "the server has no such stream", true),
            ("Unauthorized (401)", "the server wants a name and a password", true),
            ("Service Unavailable (503)", "the server answers: Service Unavailable (503)", false),
            ("Not Enough Bandwidth (453)", "the server answers: Not Enough Bandwidth (453)", false),
            ("Bad Request (400)", "the server answers: Bad Request (400)", true),
            ("Could not receive message. (Parse error)", "what answers there is no RTSP server", true),
            ("Could not receive message. (Timeout while waiting)", "the server does not answer", false),
            ("Something else.", "Something else", false),
        ] {
            assert_eq!(explained(reason, "rtsp://h/x"), (format!("rtsp://h/x: {words}"), is_lasting));
        }
        let (words, _) = explained("Unauthorized (401)", "rtsp://anna:do@h/x");
        assert_eq!(words, "rtsp://h/x: the server does not take this name and password");
    }
}
