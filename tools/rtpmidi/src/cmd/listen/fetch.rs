//! Objects at URLs that a description names, fetched for who allows it (`--allow-remote-instruments`).
//!
//! The description is a stranger's, and so is the server: neither may make this machine ask its own network for
//! something, wait for ever, or fill its memory.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use rtp_midi_sdp::render::Url;
use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error};

use crate::failure::{self, Failure};

/// Servers of objects: who is believed, and how much of them is borne.
#[derive(Clone, Debug)]
pub(super) struct Web {
    octets: u64,
    time: Duration,
    authorities: RootCerts,
}

/// How often a server may pass the question on.
const REDIRECTS: usize = 4;

impl Web {
    /// Believes servers over TLS that browsers believe, and those whose certificate one in this file has signed.
    pub(super) fn trusting(authorities: Option<&Path>) -> failure::Result<Self> {
        let authorities = authorities.map_or(Ok(RootCerts::WebPki), read)?;
        // The largest soundfonts in common use have about 150 MB.
        Ok(Self { octets: 256 << 20, time: Duration::from_mins(2), authorities })
    }

    /// The object at `url`, or why it cannot be had.
    pub(super) fn fetch(&self, url: &Url) -> Result<Vec<u8>, String> {
        let mut url = url.clone();
        let mut agent = self.agent(DefaultResolver::default());
        for _ in 0..=REDIRECTS {
            let mut response = agent.get(url.as_str()).call().map_err(words)?;
            match response.status().as_u16() {
                200 => {
                    let body = response.body_mut().with_config().limit(self.octets);
                    return body.read_to_vec().map_err(words);
                }
                301 | 302 | 303 | 307 | 308 => {
                    url = next(&url, &response)?;
                    agent = self.agent(PublicOnly::default());
                }
                status => return Err(format!("the server answers {status}")),
            }
        }
        Err("the server passes it on too often".to_owned())
    }

    fn agent(&self, resolver: impl Resolver) -> Agent {
        let config = Config::builder()
            .timeout_global(Some(self.time))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // A proxy would look names up for itself.
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(self.authorities.clone()).build())
            .user_agent(concat!("rtpmidi/", env!("CARGO_PKG_VERSION")))
            .build();
        Agent::with_parts(config, DefaultConnector::default(), resolver)
    }
}

/// Whether the user says yes to a URL now; without a terminal nobody can be asked.
pub(super) fn is_agreed_to(url: &Url) -> Result<(), String> {
    let mut answer = String::new();
    if io::stdin().is_terminal() {
        eprint!("an announcement names {url}: fetch it? [y/N] ");
        // Whoever cannot answer has not agreed.
        let _ = io::stdin().read_line(&mut answer);
    }
    if is_yes(&answer) { Ok(()) } else { Err("nobody has agreed to it".to_owned()) }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// Where the server says that the object is.
fn next(url: &Url, response: &Response<Body>) -> Result<Url, String> {
    let location = response.headers().get("location").and_then(|location| location.to_str().ok()).unwrap_or_default();
    let found = if location.starts_with('/') && !location.starts_with("//") {
        let start = url.as_str().find("://").map_or(0, |colon| colon + 3);
        let host = url.as_str()[start..].find(['/', '?', '#']).map_or(url.as_str().len(), |end| start + end);
        Url::new(&format!("{}{location}", &url.as_str()[..host]))
    } else {
        Url::new(location)
    };
    match found {
        Some(next) if next.is_secure() || !url.is_secure() => Ok(next),
        _ => Err(format!("the server passes it on to {location:?}")),
    }
}

/// The certificates in a file, which are believed as well as the usual ones.
fn read(path: &Path) -> failure::Result<RootCerts> {
    let wrong = |why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(wrong(&error))),
    });
    let certificates = certificates.collect::<failure::Result<Vec<_>>>()?;
    if certificates.is_empty() {
        return Err(wrong(&"no certificate").hint("it begins with -----BEGIN CERTIFICATE-----"));
    }
    let usual = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|usual| Certificate::from_der(usual));
    Ok(usual.chain(certificates).into())
}

fn words(error: Error) -> String {
    match error {
        Error::Timeout(_) => "it takes too long".to_owned(),
        Error::BodyExceedsLimit(limit) => format!("it has more than {limit} octets"),
        other => other.to_string(),
    }
}

/// Looks hosts up and leaves out addresses that are not those of the internet at large.
#[derive(Debug, Default)]
struct PublicOnly(DefaultResolver);

impl Resolver for PublicOnly {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut public = self.empty();
        for address in self.0.resolve(uri, config, timeout)?.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() {
            let host = uri.host().unwrap_or_default();
            return Err(io::Error::other(format!("the server passes it on to {host}, which is not public")).into());
        }
        Ok(public)
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| is_public_v6(ip), is_public_v4),
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = matches!((a, b, c), (0 | 224.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _));
    !(is_special || ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation())
}

/// Global unicast, without the parts that lead to IPv4 addresses, and without examples.
const fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    matches!(a, 0x2000..=0x3FFF) && !matches!((a, b), (0x2001, 0 | 0xDB8) | (0x2002, _))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// The address of a server that gives each of these answers once.
    fn server(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    fn web(time: Duration) -> Web {
        Web { octets: 10, time, ..Web::trusting(None).unwrap() }
    }

    fn fetch(url: &str) -> Result<Vec<u8>, String> {
        web(Duration::from_secs(20)).fetch(&Url::new(url).unwrap())
    }

    #[test]
    fn an_object_comes_from_a_server_that_has_it() {
        let has = server(&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nMThd"]);
        assert_eq!(fetch(&format!("{has}/x.mid")), Ok(b"MThd".to_vec()));
        let has_not = server(&["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]);
        assert_eq!(fetch(&has_not), Err("the server answers 404".to_owned()));
    }

    #[test]
    fn large_objects_are_cut_off_and_slow_ones_given_up() {
        let large = server(&["HTTP/1.1 200 OK\r\n\r\n01234567890123456789"]);
        assert_eq!(fetch(&large), Err("it has more than 10 octets".to_owned()));
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::new(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
        assert_eq!(web(Duration::from_millis(50)).fetch(&url), Err("it takes too long".to_owned()));
    }

    #[test]
    fn no_server_sends_us_into_our_own_network() {
        for (answer, reason) in [
            ("Location: /y", "the server passes it on to 127.0.0.1, which is not public"),
            ("Location: http://localhost/", "the server passes it on to localhost, which is not public"),
            ("Location: http://[::1]:80/", "the server passes it on to [::1], which is not public"),
            ("Location: file:///etc/passwd", "the server passes it on to \"file:///etc/passwd\""),
            ("X: y", "the server passes it on to \"\""),
        ] {
            let answer = format!("HTTP/1.1 302 Found\r\n{answer}\r\nContent-Length: 0\r\n\r\n");
            let refused = fetch(&server(vec![&*answer.leak()].leak())).unwrap_err();
            assert!(refused.ends_with(reason), "{refused}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public_and_others_are_not() {
        let public = ["8.8.8.8", "192.0.1.1", "198.20.0.1", "2a00:1450::1", "::ffff:8.8.8.8"];
        let own = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ];
        for ip in public {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in own {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn authorities_of_a_file_stand_beside_those_of_browsers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.pem");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").unwrap();
        let RootCerts::Specific(all) = Web::trusting(Some(&path)).unwrap().authorities else { panic!("no list") };
        let ders: Vec<_> = all.iter().map(Certificate::der).collect();
        assert!(ders.contains(&&[0x30, 0][..]));
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().all(|usual| ders.contains(&usual.as_ref())));
        std::fs::write(&path, "MAA=").unwrap();
        assert!(Web::trusting(Some(&path)).unwrap_err().message().ends_with("no certificate"));
    }

    #[test]
    fn only_yes_is_an_answer() {
        for (answer, agreed) in
            [("y\n", true), ("Yes\n", true), ("", false), ("\n", false), ("n\n", false), ("yo", false)]
        {
            assert_eq!(is_yes(answer), agreed, "{answer:?}");
        }
    }

    #[test]
    fn a_secure_way_stays_secure() {
        let passed_on = |from: &str, to: &str| {
            let response = Response::builder().header("location", to).body(Body::builder().data("")).unwrap();
            next(&Url::new(from).unwrap(), &response).map(|url| url.to_string()).ok()
        };
        assert_eq!(passed_on("https://a/x", "http://a/y"), None);
        assert_eq!(passed_on("https://a?x", "/y").as_deref(), Some("https://a/y"));
        assert_eq!(passed_on("http://a:1/x/z", "https://b/y").as_deref(), Some("https://b/y"));
    }
}
