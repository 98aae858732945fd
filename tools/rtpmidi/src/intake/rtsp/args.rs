//! What the command line says about RTSP servers, the same for all commands that listen to them.

use std::fs;
use std::path::{Path, PathBuf};

use gst::glib::object::Cast;

use super::url::Url;
use crate::failure::{Failure, Result};
use crate::intake::source::Source;

/// How to listen to an RTSP server.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "RTSP servers")]
pub(crate) struct RtspArgs {
    /// How packets come from the server: by UDP, in the RTSP connection, or by UDP if that gets through
    #[arg(long, value_enum, default_value_t = Transport::Auto, value_name = "WAY")]
    rtsp_transport: Transport,

    /// A file with NAME:PASSWORD, if they are not in the URL; for a NAME there, the password may be in `RTSP_PASSWORD`
    #[arg(long, value_name = "FILE")]
    rtsp_login: Option<PathBuf>,

    /// Trust a server over TLS whose certificate one in this file (PEM) has signed, and for RTSP not those that are usual
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// Take any server over TLS for the right one
    #[arg(long, conflicts_with = "tls_ca")]
    insecure: bool,

    /// When to connect again: never, when a connection is lost, or always, even if the first one fails or a live stream
    /// has ended
    #[arg(long, value_enum, default_value_t = Reconnect::Lost, value_name = "WHEN", verbatim_doc_comment)]
    reconnect: Reconnect,
}

impl RtspArgs {
    /// The file with the authorities that are trusted, if there is one.
    pub(crate) fn tls_ca(&self) -> Option<&Path> {
        self.tls_ca.as_deref()
    }
}

/// How RTP comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Transport {
    Auto,
    Udp,
    Tcp,
}

/// How the packets of a stream come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packets {
    /// The server has not said it yet.
    Unknown,
    Plain,
    Sealed,
}

/// What follows from a description for the ways of the packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::intake) enum Change {
    None,
    MoreWays,
    FewerWays,
}

impl Transport {
    /// As `rtspsrc` has them.
    fn protocols(self, url: &Url, packets: Packets) -> &'static str {
        match self {
            // What is sent over TLS is not to come in clear beside it.
            Self::Auto if url.is_secure() && packets != Packets::Sealed => "tcp",
            Self::Auto => "tcp+udp-mcast+udp",
            Self::Udp => "udp-mcast+udp",
            Self::Tcp => "tcp",
        }
    }
}

/// When to connect again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(in crate::intake) enum Reconnect {
    Never,
    Lost,
    Always,
}

/// A stream on a server, and all that is needed to get it.
#[derive(Clone, Debug)]
pub(in crate::intake) struct Server {
    pub(in crate::intake) url: Url,
    login: Option<Login>,
    transport: Transport,
    /// As `rtspsrc` has them.
    protocols: &'static str,
    trust: Trust,
    pub(in crate::intake) reconnect: Reconnect,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
}

/// Which servers are believed to be who they say they are.
#[derive(Clone, Debug)]
enum Trust {
    System,
    Only(gio::TlsDatabase),
    Any,
}

impl Server {
    /// Reads what the arguments name.
    pub(in crate::intake) fn new(url: &Url, args: &RtspArgs) -> Result<Self> {
        let transport = args.rtsp_transport;
        let protocols = transport.protocols(url, Packets::Unknown);
        let trust = match &args.tls_ca {
            Some(path) => Trust::Only(authorities(path)?),
            None if args.insecure => Trust::Any,
            None => Trust::System,
        };
        let login = Login::find(url, args.rtsp_login.as_deref(), std::env::var("RTSP_PASSWORD").ok())?;
        Ok(Self { url: url.clone(), login, transport, protocols, trust, reconnect: args.reconnect })
    }

    /// Lets packets come in all ways that are good enough for this stream; says whether that changes anything.
    pub(in crate::intake) fn suit(&mut self, source: &Source) -> Change {
        let packets = if source.transport.protocol.has_crypto() { Packets::Sealed } else { Packets::Plain };
        let protocols = self.transport.protocols(&self.url, packets);
        let before = std::mem::replace(&mut self.protocols, protocols);
        match (before == protocols, packets) {
            (true, _) => Change::None,
            (false, Packets::Sealed) => Change::MoreWays,
            (false, Packets::Plain | Packets::Unknown) => Change::FewerWays,
        }
    }

    #[cfg(test)]
    pub(super) fn at(url: &str) -> Self {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: RtspArgs,
        }
        Self::new(&url.parse().unwrap(), &<Line as clap::Parser>::parse_from([""]).args).unwrap()
    }

    /// Whether a user is known.
    pub(super) const fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// Tells `rtspsrc` all this.
    pub(super) fn configure(&self, rtspsrc: &gst::Element) {
        use gst::prelude::*;
        rtspsrc.set_property("location", self.url.as_str());
        rtspsrc.set_property_from_str("protocols", self.protocols);
        if let Some(Login { user, password }) = &self.login {
            rtspsrc.set_property("user-id", user);
            rtspsrc.set_property("user-pw", password);
        }
        match &self.trust {
            Trust::System => {}
            Trust::Only(authorities) => rtspsrc.set_property("tls-database", authorities),
            Trust::Any => rtspsrc.set_property("tls-validation-flags", gio::TlsCertificateFlags::empty()),
        }
    }
}

impl Login {
    /// Who logs in: as the URL says, else as a file says. A password from the environment stands for one that is missing.
    fn find(url: &Url, file: Option<&Path>, environment: Option<String>) -> Result<Option<Self>> {
        let from_file = file.map(Self::read).transpose()?;
        let Some(user) = url.user.clone() else { return Ok(from_file) };
        let password =
            url.password.clone().or(from_file.filter(|login| login.user == user).map(|login| login.password));
        let password = password.or(environment).ok_or_else(|| {
            Failure::new(format!("{url}: no password for {user}")).hint("put it into the environment, as RTSP_PASSWORD")
        })?;
        Ok(Some(Self { user, password }))
    }

    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let login = lines.next().and_then(|line| line.split_once(':'));
        let (user, password) = login.ok_or_else(|| Failure::new(format!("{shown} has no line NAME:PASSWORD")))?;
        Ok(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

/// A password is not for logs.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.user)
    }
}

/// The certificates in a file, as those that are trusted.
fn authorities(path: &Path) -> Result<gio::TlsDatabase> {
    let shown = path.display();
    // GIO takes a file without any for an empty list.
    let wrong = |error: gst::glib::Error| Failure::new(format!("{shown}: {}", error.message()));
    let certificates = gio::TlsCertificate::list_new_from_file(path).map_err(wrong)?;
    if certificates.is_empty() {
        return Err(
            Failure::new(format!("{shown} has no certificate")).hint("it begins with -----BEGIN CERTIFICATE-----")
        );
    }
    // Its name is taken for one below the folder the program runs in only if it is absolute.
    let absolute = path.canonicalize().map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    gio::TlsFileDatabase::new(absolute).map(Cast::upcast).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_may_come_from_the_url_a_file_or_the_environment() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"# radio\nanna:do:re\n").unwrap();
        let find = |at: &str, environment: Option<&str>| {
            let login = Login::find(&url(at), Some(file.path()), environment.map(str::to_owned)).unwrap().unwrap();
            (login.user, login.password)
        };
        let is = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(find("rtsp://host/", None), is("anna", "do:re"));
        assert_eq!(find("rtsp://anna@host/", None), is("anna", "do:re"));
        assert_eq!(find("rtsp://anna:mi@host/", Some("fa")), is("anna", "mi"));
        assert_eq!(find("rtsp://bert@host/", Some("fa")), is("bert", "fa"));
        assert_eq!(Login::find(&url("rtsp://host/"), None, Some("fa".to_owned())), Ok(None));
        let failure = Login::find(&url("rtsp://anna@host/"), None, None).unwrap_err().to_string();
        assert!(failure.contains("no password for anna\nhint: "), "{failure}");
    }

    #[test]
    fn over_tls_only_sealed_packets_come_by_udp_unless_the_user_says_so() {
        let source = |profile: &str| {
            let text = format!("v=0\ns=x\nm=audio 5004 {profile} 96\na=rtpmap:96 rtp-midi/44100\n");
            Source::parse(text.as_bytes(), "x").unwrap()
        };
        let (sealed, plain) = (source("RTP/SAVP"), source("RTP/AVP"));
        let mut server = Server::at("rtsps://host/");
        let changes = [&plain, &sealed, &sealed, &plain].map(|source| (server.suit(source), server.protocols));
        let (tcp, all) = ("tcp", "tcp+udp-mcast+udp");
        let expected = [(Change::None, tcp), (Change::MoreWays, all), (Change::None, all), (Change::FewerWays, tcp)];
        assert_eq!(changes, expected);
        let mut clear = Server::at("rtsp://host/");
        assert_eq!([&sealed, &plain].map(|source| (clear.suit(source), clear.protocols)), [(Change::None, all); 2]);
    }

    #[test]
    fn a_file_without_what_is_looked_for_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let login = Login::read(file.path()).unwrap_err().to_string();
        assert!(login.contains("has no line NAME:PASSWORD"), "{login}");
        let authorities = authorities(file.path()).unwrap_err().to_string();
        assert!(authorities.contains("has no certificate"), "{authorities}");
    }
}
