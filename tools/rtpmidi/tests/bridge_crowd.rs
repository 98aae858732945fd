//! Many peers of a bridge at once, of the project's load generator. What they come to is counted here;
//! `cargo xtask bridge-load` measures.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use clap::Parser;
use kit::{Folder, Program, argument};
use rtpmidi_load::BridgeOptions;

#[derive(Parser)]
struct Load {
    #[command(flatten)]
    options: BridgeOptions,
}

#[test]
fn all_that_a_crowd_plays_is_heard_and_who_goes_and_comes_is_heard_again() {
    let folder = Folder::new("bridge-crowd");
    let socket = folder.path("bridge.sock");
    let fixed = ["bridge", "--port", "0", "--no-mdns", "--no-alsa", "--json", "--control", argument(&socket)];
    let bridge = Program::start(&fixed);
    kit::wait_for(&socket);
    let load = ["load", argument(&socket), "--peers", "20", "--rate", "400", "--seconds", "1", "--churn", "2"];
    let summary = rtpmidi_load::run_bridge(&Load::parse_from(load).options).unwrap();
    assert_eq!((&summary["heard"], &summary["connections"]), (&summary["played"], &20.into()), "{summary:#}");
    assert!(summary["heard"].as_u64() > Some(300), "{summary:#}");
    let churn = &summary["churn"];
    assert!(churn["changes"].as_u64() > Some(20), "{summary:#}");
    assert_eq!(bridge.interrupted().code, Some(0));
}
