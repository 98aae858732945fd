//! What the demonstration prints: the progress line, the summary, what to try next.

use std::path::Path;

use serde_json::Value;

use super::proof::{Music, Recording};
use crate::process::{Player, Process};
use crate::step;

/// The last progress report of each process.
#[derive(Default)]
pub(super) struct Progress {
    sent: Value,
    received: Value,
}

/// The final report of each process.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) sent: Value,
    pub(super) received: Value,
}

impl Progress {
    pub(super) fn take(&mut self, player: Player, object: Value) {
        *(if player == Player::Broadcaster { &mut self.sent } else { &mut self.received }) = object;
    }

    /// `0:12 / 0:33   411 packets   82 lost   61 repaired   14.2 kbit/s`
    pub(super) fn line(&self) -> String {
        let position = number(&self.sent, "position_s").map(clock);
        let duration = number(&self.sent, "duration_s").map(clock);
        let mut words = vec![match (position, duration) {
            (Some(position), Some(duration)) => format!("  {position} / {duration}"),
            _ => "  ".to_owned(),
        }];
        words.extend(count(&self.received, "packets").map(|count| format!("{count:>5} packets")));
        words.extend(count(&self.received, "lost").map(|count| format!("{count:>4} lost")));
        words.extend(count(&self.received, "repaired").map(|count| format!("{count:>4} repaired")));
        words.extend(number(&self.sent, "bit_rate").map(|rate| format!("{:>5}", bits(rate))));
        words.join("   ")
    }
}

impl Summary {
    pub(super) fn take(&mut self, player: Player, object: Value) {
        *(if player == Player::Broadcaster { &mut self.sent } else { &mut self.received }) = object;
    }
}

/// Says what runs.
pub(super) fn started(loss: &str, processes: &[&Process]) {
    println!("\n==> music over UDP on this machine; --loss {loss} drops packets on purpose");
    for process in processes {
        println!("    {}", process.line());
    }
    println!();
}

/// Prints both processes' counts and what the files hold.
pub(super) fn summary(summary: &Summary, music: &Music, recording: &Recording) {
    let Summary { sent, received } = summary;
    println!("\nWhat happened");
    row("sent", &[(sent, "events", "commands"), (sent, "packets", "packets")]);
    row("dropped on purpose", &[(received, "dropped_on_purpose", "packets")]);
    row("received", &[(received, "events", "commands"), (received, "packets", "packets")]);
    let events = |of, name| number(of, name).unwrap_or_default();
    let lost = events(sent, "events") + events(received, "commands_repaired") - events(received, "events");
    text("lost", &format!("{lost} commands, in packets dropped or sent before the listener was there"));
    row(
        "repaired",
        &[(received, "commands_repaired", "commands, from the recovery journal: what still mattered of them")],
    );
    row("hanging notes", &[(received, "hanging_notes", "")]);
    if let (Some(with), Some(without)) = (number(sent, "bit_rate"), number(sent, "bit_rate_without_journal")) {
        text("average bit rate", &format!("{}; without the journal {}", bits(with), bits(without)));
    }
    println!("\nWhat is left of it");
    text("target/demo/demo.wav", &music.to_string());
    text("target/demo/demo.mid", &recording.to_string());
    text("target/demo/score.mid", "what was played");
}

/// Prints command lines to go on with.
pub(super) fn next(program: &Path) {
    let root = step::root();
    let program = program.strip_prefix(&root).unwrap_or(program).display();
    println!(
        "
Try next
  aplay target/demo/demo.wav
  {program} broadcast target/demo/score.mid --to udp://127.0.0.1:5004 --sdp target/demo/score.sdp --loop
  {program} listen target/demo/score.sdp --print --loss 50:30      # in another terminal
  cargo xtask install     # then gst-launch-1.0 knows the elements:
  gst-launch-1.0 filesrc location=target/demo/score.mid ! smfparse ! rtpmidipay ! udpsink host=127.0.0.1 port=5004
  gst-launch-1.0 -e udpsrc port=5004 caps=\"application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96\" ! rtpjitterbuffer latency=20 ! rtpmididepay ! miditick ! fluiddec soundfont=/usr/share/sounds/sf2/TimGM6mb.sf2 ! audioconvert ! autoaudiosink
  cargo run --example lossy_link"
    );
}

/// A row of the summary; unknown fields are left out.
fn row(name: &str, fields: &[(&Value, &str, &str)]) {
    let known = fields.iter().filter_map(|(object, field, unit)| {
        let count = count(object, field)?;
        Some(format!("{count} {unit}").trim_end().to_owned())
    });
    let known = known.collect::<Vec<_>>().join(" in ");
    if !known.is_empty() {
        text(name, &known);
    }
}

fn text(name: &str, text: &str) {
    println!("  {name:<22} {text}");
}

fn number(object: &Value, field: &str) -> Option<f64> {
    object[field].as_f64()
}

pub(super) fn count(object: &Value, field: &str) -> Option<u64> {
    object[field].as_u64()
}

/// 75.3 s is `1:15`.
fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

fn bits(rate: f64) -> String {
    format!("{:.1} kbit/s", rate / 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_progress_line_leaves_out_what_nobody_reported() {
        let mut progress = Progress::default();
        progress.take(Player::Listener, json!({"packets": 411, "lost": 82}));
        assert_eq!(progress.line().trim(), "411 packets     82 lost");
        progress.take(Player::Broadcaster, json!({"position_s": 12.4, "duration_s": 72.9, "bit_rate": 14210.0}));
        assert_eq!(progress.line(), "  0:12 / 1:12     411 packets     82 lost   14.2 kbit/s");
    }
}
