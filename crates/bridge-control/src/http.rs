//! HTTP as a scraper of metrics speaks it: one request, `GET /metrics`, and one answer, behind which the connection ends.

/// Octets of a request that are read. What a scraper sends has room many times over.
pub const LONGEST: usize = 8192;

/// Lines of its head.
const LINES: usize = 64;

/// What somebody asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// The metrics.
    Metrics,
    /// How the answer with the metrics begins, without them.
    Head,
    /// Something else, which is answered by this.
    Other(Refusal),
}

/// Why a request is not answered with metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is no request, or is too long.
    Nonsense,
    /// There is nothing there.
    Unknown,
    /// It is to be changed, or another method.
    Method,
    /// The bridge has no answer.
    Busy,
}

/// Reads what has come of a request; nothing if there is more to come.
pub fn read(octets: &[u8]) -> Option<Asked> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(octets) {
        Ok(httparse::Status::Partial) if octets.len() < LONGEST => return None,
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Some(Asked::Other(Refusal::Nonsense)),
    }
    let path = request.path.map(|path| path.split_once('?').map_or(path, |(path, _)| path));
    Some(match (request.method, path) {
        (Some("GET"), Some("/metrics")) => Asked::Metrics,
        (Some("HEAD"), Some("/metrics")) => Asked::Head,
        (_, Some("/metrics")) => Asked::Other(Refusal::Method),
        _ => Asked::Other(Refusal::Unknown),
    })
}

/// The answer with the metrics, or with its head alone.
pub fn answer(text: &str, asked: Asked) -> String {
    let head = head("200 OK", super::metrics::CONTENT_TYPE, text.len(), "");
    if asked == Asked::Head { head } else { head + text }
}

/// The answer to a request that is not answered with metrics.
pub fn refuse(refusal: Refusal) -> String {
    let (status, more, words) = match refusal {
        Refusal::Nonsense => ("400 Bad Request", "", "this is no request\n"),
        Refusal::Unknown => ("404 Not Found", "", "metrics are at /metrics\n"),
        Refusal::Method => ("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "metrics are only read\n"),
        Refusal::Busy => ("503 Service Unavailable", "Retry-After: 10\r\n", "the bridge is too busy to answer\n"),
    };
    head(status, "text/plain; charset=utf-8", words.len(), more) + words
}

fn head(status: &str, content_type: &str, length: usize, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_asked_for_by_one_path_and_two_methods() {
        for (request, asked) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Some(Asked::Metrics)),
            ("GET /metrics?name=x HTTP/1.0\r\n\r\n", Some(Asked::Metrics)),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", Some(Asked::Head)),
            ("POST /metrics HTTP/1.1\r\n\r\n", Some(Asked::Other(Refusal::Method))),
            ("GET / HTTP/1.1\r\n\r\n", Some(Asked::Other(Refusal::Unknown))),
            ("GET /metrics/../x HTTP/1.1\r\n\r\n", Some(Asked::Other(Refusal::Unknown))),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", None),
            ("\u{0}\u{1}", Some(Asked::Other(Refusal::Nonsense))),
        ] {
            assert_eq!(read(request.as_bytes()), asked, "{request:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LONGEST));
        assert_eq!(read(&long.as_bytes()[..LONGEST]), Some(Asked::Other(Refusal::Nonsense)));
    }

    #[test]
    fn an_answer_says_how_long_it_is_and_one_to_head_is_without_the_text() {
        let whole = answer("a 1\n", Asked::Metrics);
        assert!(whole.contains("\r\nContent-Length: 4\r\n") && whole.ends_with("\r\n\r\na 1\n"), "{whole}");
        assert_eq!(whole.strip_suffix("a 1\n"), Some(&answer("a 1\n", Asked::Head)[..]));
        assert!(refuse(Refusal::Method).contains("\r\nAllow: GET, HEAD\r\n"));
    }
}
