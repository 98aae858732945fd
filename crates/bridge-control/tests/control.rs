//! Laws of what is said to a bridge and of what it says, for any octets.

mod laws;

use proptest::prelude::*;

proptest! {
    #[test]
    fn a_line_is_understood_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        laws::a_line_is_understood_or_refused(&octets);
    }

    #[test]
    fn an_object_is_understood_or_refused(
        method in "[a-z]{0,10}|status|connect|disconnect|mute|forget|panic|reload",
        id in "1|\"a\"|null|\\{\\}|1e999",
        parameters in r#"\{\}|\[\]|\{"(from|to|port|muted)":("a"|true|7)(,"to":"[ -~]{0,9}")?\}"#,
    ) {
        let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{parameters}}}"#);
        laws::a_line_is_understood_or_refused(line.as_bytes());
    }

    #[test]
    fn a_request_is_answered(
        method in "GET|HEAD|POST|[A-Z]{1,8}",
        path in "/metrics|/metrics[?/ -~]{0,9}|[ -~]{0,20}",
        rest in "( HTTP/1.[01])?(\r\n)?([ -~]{0,20}\r\n){0,3}(\r\n)?",
        octets in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        laws::a_request_is_answered(format!("{method} {path}{rest}").as_bytes());
        laws::a_request_is_answered(&octets);
    }

    #[test]
    fn metrics_are_well_formed(names in proptest::collection::vec("(?s).{0,12}|[\"\\\\\n{}=, ]{0,12}", 0..6)) {
        laws::metrics_are_well_formed(&names);
    }
}
