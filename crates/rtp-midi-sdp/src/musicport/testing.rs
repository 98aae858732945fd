//! Sessions for the tests of relations.

use crate::Session;

pub(super) const HEAD: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=x\nt=0 0\nc=IN IP4 192.0.2.94\n";

/// Lines of one payload type each, of these directions and parameters, grouped.
pub(super) fn session(lines: &[(&str, &str)]) -> Session {
    let mids: Vec<String> = (1..=lines.len()).map(|mid| mid.to_string()).collect();
    let mut text = format!("{HEAD}a=group:FID {}\n", mids.join(" "));
    for (index, (direction, parameters)) in lines.iter().enumerate() {
        let encoding = if parameters.contains("mode=") { "mpeg4-generic" } else { "rtp-midi" };
        let line = format!(
            "m=audio {} RTP/AVP 96\na=rtpmap:96 {encoding}/44100\na=fmtp:96 {parameters}\na={direction}\na=mid:{}\n",
            5004 + 2 * index,
            mids[index]
        );
        text += &line;
    }
    Session::parse(text.as_bytes()).unwrap()
}
