//! A session that hears nothing but nonsense and forgeries.

mod laws;

use proptest::prelude::*;

/// Octets that get past the first look more often than chance would.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let command = prop::sample::select(vec![*b"IN", *b"OK", *b"NO", *b"BY", *b"CK", *b"RS", *b"RL"]);
    let datagram = (any::<u8>(), any::<u8>(), command, 0_u8..3, 0_u8..4, prop::collection::vec(any::<u8>(), 0..40));
    let datagram = datagram.prop_map(|(way, wait, command, token, ssrc, name)| {
        let body = [&command[..], &[0, 0, 0, 2, 0, 0, 0, token, 0, 0, 0, ssrc], &name].concat();
        [&[way | 4, body.len() as u8, wait][..], &body].concat()
    });
    prop::collection::vec(datagram, 0..60).prop_map(|datagrams| datagrams.concat())
}

#[test]
fn what_fuzzing_has_found_is_borne() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/applemidi");
    let seeds: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for octets in seeds {
        laws::any_datagrams_are_borne(&octets);
    }
}

proptest! {
    #[test]
    fn forgeries_are_borne(octets in datagrams()) {
        laws::any_datagrams_are_borne(&octets);
    }

    #[test]
    fn any_octets_are_borne(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        laws::any_datagrams_are_borne(&octets);
    }
}
