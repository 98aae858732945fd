//! What a new port costs where a thousand ports and five hundred rules are, and what all of them cost at once.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use port_rules::{Flow, Graph, Id, Patchbay, Port, Rules};

const PORTS: u64 = 1000;

/// Five hundred rules of every sort, most of which mean few ports or none, as those of real files do.
fn rules() -> Rules {
    let lines: Vec<_> = (0..100)
        .flat_map(|n| {
            [
                format!("client {n}:out --> client {}:in 0", n + 1),
                format!("\"Client {n}\":'out 3' --> \"Client {}\":'in 1'", (n + 7) % 100),
                format!("client {n}?:out * -x-> *{n}:in [3]"),
                format!("/^Client {n}:out (?P<port>\\d+)$/ --> 'Client {}':\"in {{port}}\"", (n + 13) % 100),
                format!("@/:in {}$/ --> /^Recorder \\d{n}:/", n % 5),
            ]
        })
        .collect();
    Rules::parse(&lines.join("\n")).whole().expect("lines of the language")
}

fn port(id: u64) -> Port {
    let (client, number) = (id / 10, id % 10);
    let (name, flow) = if number < 5 { ("out", Flow::Source) } else { ("in", Flow::Sink) };
    let mut port = Port::new(Id(id), Graph::Jack, format!("Client {client}"), format!("{name} {}", number % 5), flow);
    port.aliases.push(format!("a2j:Client {client} [{}] {name} {number}", 128 + client));
    port
}

/// All ports but one, connected as the rules want it.
fn bay() -> Patchbay {
    let mut bay = Patchbay::new(rules());
    (1..PORTS).map(port).for_each(|port| bay.insert(port));
    for change in bay.decide() {
        bay.apply(&change);
    }
    bay
}

fn patch(c: &mut Criterion) {
    let mut bay = bay();
    c.bench_function("a port comes, is decided, and goes", |b| {
        b.iter(|| {
            bay.insert(port(0));
            let changes = bay.decide();
            assert!(!changes.is_empty(), "the port has rules");
            bay.remove(Id(0));
            changes
        });
    });
    c.bench_function("nothing has changed", |b| b.iter(|| black_box(&bay).decide()));
    let mut all = c.benchmark_group("everything");
    all.sample_size(10);
    all.bench_function("rules are read", |b| b.iter(rules));
    all.bench_function("ports are compared", |b| {
        b.iter_batched_ref(
            || Patchbay::new(rules()),
            |bay| (0..PORTS).map(port).for_each(|port| bay.insert(port)),
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, patch);
criterion_main!(benches);
