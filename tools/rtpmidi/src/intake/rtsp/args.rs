//! What the command line says about RTSP servers, the same for all commands that listen to them.

use std::fs;
use std::path::{Path, PathBuf};

use gst::glib::object::Cast;

use super::url::Url;
use crate::failure::{Failure, Result};

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

    /// Trust a server over TLS whose certificate one in this file (PEM) has signed, and not those of the system
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

/// How RTP comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Transport {
    Auto,
    Udp,
    Tcp,
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
        let protocols = match args.rtsp_transport {
            // What is sent over TLS is not to come in clear beside it.
            Transport::Auto if url.is_secure() => "tcp",
            Transport::Auto => "tcp+udp-mcast+udp",
            Transport::Udp => "udp-mcast+udp",
            Transport::Tcp => "tcp",
        };
        let trust = match &args.tls_ca {
            Some(path) => Trust::Only(authorities(path)?),
            None if args.insecure => Trust::Any,
            None => Trust::System,
        };
        let login = Login::find(url, args.rtsp_login.as_deref(), std::env::var("RTSP_PASSWORD").ok())?;
        Ok(Self { url: url.clone(), login, protocols, trust, reconnect: args.reconnect })
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
    fn a_file_without_what_is_looked_for_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let login = Login::read(file.path()).unwrap_err().to_string();
        assert!(login.contains("has no line NAME:PASSWORD"), "{login}");
        let authorities = authorities(file.path()).unwrap_err().to_string();
        assert!(authorities.contains("has no certificate"), "{authorities}");
    }
}
