//! What a message costs where three hundred ports are, each connected with another one, as a bridge routes it.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use midi_routing::{Filter, Kind, PortId, Router};
use rtp_midi::midi::Command;

const PORTS: usize = 300;

/// Messages of a round: what comes in a tenth of a second where ten thousand come in one.
const MESSAGES: usize = 1000;

/// Each port plays to the next one, and the first one to all.
fn router() -> (Router, Vec<PortId>) {
    let mut router = Router::default();
    let ports: Vec<PortId> = (0..PORTS).map(|_| router.add_port()).collect();
    let filter = Filter::default().without(Kind::ActiveSense).transpose(1);
    for (at, from) in ports.iter().enumerate().skip(1) {
        router.connect(*from, ports[(at + 1) % PORTS], filter.clone());
        router.connect(ports[0], *from, Filter::default());
    }
    (router, ports)
}

fn route(c: &mut Criterion) {
    let (mut router, ports) = router();
    let mut at = Duration::ZERO;
    let mut play = |from: PortId, message: usize| {
        let octets = [[0x90, 0x80][message % 2], (message / 2 % 128) as u8, 100];
        at += Duration::from_micros(100);
        if router.due().is_some_and(|due| due <= at) {
            router.wake(at, |event| {
                black_box(event);
            });
        }
        let command = Command::decode(&octets).expect("a note").0;
        router.play(at, from, command, |event| {
            black_box(event);
        });
    };
    let mut group = c.benchmark_group("a thousand messages");
    group.throughput(Throughput::Elements(MESSAGES as u64)).sample_size(20);
    group.bench_function("from one port to another, among three hundred", |b| {
        b.iter(|| (0..MESSAGES).for_each(|message| play(ports[1 + message / 2 % (PORTS - 1)], message)));
    });
    group.bench_function("from one port to all the others", |b| {
        b.iter(|| (0..MESSAGES).for_each(|message| play(ports[0], message)));
    });
    group.finish();
}

criterion_group!(benches, route);
criterion_main!(benches);
