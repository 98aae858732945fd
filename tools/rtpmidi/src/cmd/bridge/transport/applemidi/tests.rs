//! What the main loop is told, and what not.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use applemidi_io::{Admission, Change, Config, End, Event, Host};
use mio::{Poll, Token, Waker};

use super::pass_on;
use crate::cmd::bridge::inbox::{Batch, Inbox};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn open(host: &Host, inbox: Option<Inbox>) -> (End, Receiver<Change>) {
    let (tell, told) = channel();
    let config = Config {
        port: 0,
        address: Some(Ipv4Addr::LOCALHOST.into()),
        admission: Admission::Everyone,
        ..Config::new("End")
    };
    let listener = move |event: Event<'_>| {
        if let Some(inbox) = &inbox {
            pass_on(inbox, 7, event);
        }
        if let Event::Change { change, .. } = event {
            let _ = tell.send(change);
        }
    };
    (host.open(&config, listener).unwrap(), told)
}

#[test]
fn that_somebody_has_heard_us_is_no_news_and_that_he_goes_is() {
    let (poll, mut batch) = (Poll::new().unwrap(), Batch::default());
    let inbox = Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap());
    let host = Host::start().unwrap();
    let ((ours, told), (theirs, _)) = (open(&host, Some(inbox.clone())), open(&host, None));
    let wait_for = |what: &dyn Fn(&Change) -> bool| while !what(&told.recv_timeout(PATIENCE).unwrap()) {};
    theirs.call(&format!("127.0.0.1:{}", ours.port()));
    wait_for(&|change| *change == Change::Listening);
    inbox.take(&mut batch);
    assert!(batch.has_changed);
    ours.play(&[0x90, 60, 100]);
    wait_for(&|change| matches!(change, Change::Feedback(_)));
    inbox.take(&mut batch);
    assert!(!batch.has_changed);
    theirs.play(&[0x90, 61, 100]);
    drop(theirs);
    wait_for(&|change| matches!(change, Change::Closed(_)));
    inbox.take(&mut batch);
    assert!(batch.has_changed);
    let heard: Vec<_> = batch.music.iter().map(|heard| (heard.source.end, heard.octets)).collect();
    assert_eq!(heard[0], (7, &[0x90, 61, 100][..]));
}
