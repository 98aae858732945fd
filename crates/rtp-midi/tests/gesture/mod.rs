//! What players do, as commands.

#![allow(dead_code, unreachable_pub, reason = "each program that shares this uses what it needs")]

use proptest::prelude::*;

/// Commands as instruments get them: whole transactions, bank selects of both kinds.
pub fn gesture() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let data = prop_oneof![Just(0_u8), Just(64), Just(127), 0..128_u8];
    let note = 58..63_u8;
    let controller = prop_oneof![
        prop::sample::select(vec![1_u8, 7, 11, 64, 66, 69, 84]),
        prop::sample::select(vec![120_u8, 121, 123, 126, 127]),
        Just(6_u8),
        Just(64_u8),
    ];
    (0..2_u8, note, data.clone(), data, controller, 0..24_u8).prop_map(|(channel, note, a, b, controller, kind)| {
        let select = |high: u8, low: u8| vec![vec![0xB0 | channel, high, a & 1], vec![0xB0 | channel, low, b & 1]];
        let control = |number: u8, value: u8| vec![0xB0 | channel, number, value];
        match kind {
            0..=5 => vec![vec![0x90 | channel, note, a]],
            6..=9 => vec![vec![0x80 | channel, note, b]],
            10..=12 => vec![control(controller, a)],
            13 => vec![vec![0xE0 | channel, a, b]],
            14 => vec![vec![0xD0 | channel, a]],
            15 => vec![vec![0xA0 | channel, note, a]],
            16 => vec![control(0, a & 3), control(32, b & 3), vec![0xC0 | channel, b]],
            17 => vec![control(0, a & 3), vec![0xC0 | channel, b]],
            18 => vec![vec![0xC0 | channel, b]],
            19 => [select(101, 100), vec![control(6, a)]].concat(),
            20 => [select(99, 98), vec![control(6, a), control(38, b)]].concat(),
            21 => vec![control(101, 127), control(100, 127)],
            22 => [select(101, 100), vec![control(96, 0)]].concat(),
            _ => vec![control(97, 0)],
        }
    })
}
